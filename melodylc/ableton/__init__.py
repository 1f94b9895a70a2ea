"""Ableton Live over AbletonOSC: what a set says of itself, and melodies into its clip slots.

AbletonOSC is a control surface script that others wrote and users install; it answers OSC over UDP. `connection` asks,
`scales` names keys, `live_set` and `clips` read and write, `melodies` is what the command does.
"""
