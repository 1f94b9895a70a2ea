"""A JACK timebase master in a process of its own: python timebase_master.py BEATS_PER_BAR TEMPO BAR

It locates to a bar, counted from 1, rolls when a line comes in, says in which of the server's frames bar 1 begins, and
stops with the next line. JACK has bars, beats and ticks from it as from a DAW.
"""

import sys
import time

import jack

TICKS = 1920  # of a beat
beats_per_bar, tempo, bar = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
rolling = []  # the server's frame in which bar 1 begins
client = jack.Client("master", no_start_server=True)
frames = client.samplerate * 60 / tempo  # of a beat


def tell(state, block, position, new):
    ticks = position.frame / frames * TICKS
    beat, tick = divmod(ticks, TICKS)
    whole, within = divmod(int(beat), beats_per_bar)
    position.valid = jack._lib.JackPositionBBT
    position.bar, position.beat, position.tick = whole + 1, within + 1, int(tick)
    position.bar_start_tick = whole * beats_per_bar * TICKS
    position.beats_per_bar, position.beat_type = beats_per_bar, 4
    position.ticks_per_beat, position.beats_per_minute = TICKS, tempo


def look(block):
    state, position = client.transport_query()
    if state == jack.ROLLING and not rolling:
        rolling.append(client.last_frame_time - position["frame"])


client.set_process_callback(look)
client.set_timebase_callback(tell)
client.activate()
client.transport_locate(round((bar - 1) * beats_per_bar * frames))
print("ready", flush=True)
sys.stdin.readline()
client.transport_start()
while not rolling:
    time.sleep(0.01)
print(rolling[0], flush=True)
sys.stdin.readline()
client.transport_stop()
time.sleep(0.5)
client.close()
