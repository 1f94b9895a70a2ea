"""The live session, built on midi_io: to come. Nothing here yet."""
