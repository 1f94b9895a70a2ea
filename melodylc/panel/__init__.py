"""The panel: melodies seen, heard, locked and liked in the browser.

`server` is what the browser talks to, `security` who may. `state` has what all open pages show, and `actions` what they
can do to it; `history` keeps melodies on disk. `tasks` runs in the inference process, which makes the melodies. `page`
is what the browser loads.
"""
