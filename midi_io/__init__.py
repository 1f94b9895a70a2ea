"""MIDI itself: files, ports, clock and player. Knows neither torch nor any representation of melodies."""
