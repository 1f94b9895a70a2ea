"""A corpus of unique 16-bar windows from MIDI files: `extract` makes one, `Corpus` reads it."""

from melodylc.extraction.corpus import Corpus
from melodylc.extraction.run import extract
from melodylc.extraction.windows import Filters

__all__ = ["Corpus", "Filters", "extract"]
