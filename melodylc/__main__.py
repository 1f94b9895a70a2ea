"""`python -m melodylc` is the command `melodylc`."""

from melodylc.cli import entry

entry()
