"""The bridge: what the plug-ins of DAWs ask for melodies, over a socket of this machine or a file.

`questions` says what can be asked, `framing` how messages follow each other, `client` asks, `server` answers.
"""
