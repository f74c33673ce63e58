"""Real data in. Every source becomes one array, mapped from disk, so none has to fit in memory.

Folders of images are decoded once, compressed files unpacked once, into a temporary file that the
system removes when the process ends.
"""

from entropae.data.images import read_image
from entropae.data.samples import Samples, collate, split
from entropae.data.sources import DOWNLOADS, NAMES, as_samples, load

__all__ = ["DOWNLOADS", "NAMES", "Samples", "as_samples", "collate", "load", "read_image", "split"]
