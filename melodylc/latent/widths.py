"""The widths of the hidden layers of actors and critics."""

LARGE = (2048, 2048, 2048, 2048)
SMALL = (256, 256, 256)
