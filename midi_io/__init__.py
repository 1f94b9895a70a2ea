"""MIDI itself: files, ports, clock and player. Knows neither torch nor melodies of 256 states."""
