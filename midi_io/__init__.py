"""MIDI itself: files now, ports, clock and player to come. Knows neither torch nor melodies of 256 states."""
