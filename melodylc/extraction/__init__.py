"""A corpus of unique 16-bar windows from MIDI files: `extract` makes one, `Corpus` reads it."""

from melodylc.extraction.corpus import Corpus
from melodylc.extraction.run import extract
from melodylc.extraction.windows import Filters
from midi_io.compiled import use_cache_folder

__all__ = ["Corpus", "Filters", "extract"]

use_cache_folder("melodylc")  # before any kernel is compiled, which happens on its first call
