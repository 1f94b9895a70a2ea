"""MIDI files to a corpus of unique 16-bar windows: `extract` makes it, `Corpus` reads it."""

from melodylc.extraction.corpus import Corpus
from melodylc.extraction.run import extract
from melodylc.extraction.windows import Filters

__all__ = ["Corpus", "Filters", "extract"]
