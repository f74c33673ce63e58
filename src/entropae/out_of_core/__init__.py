"""Nearest neighbours in samples larger than memory or than one machine: exact, cell by cell.

A first pass over the rows finds their extent and draws some of them. A partition made from those
cuts the space into boxes, and a second pass sorts the rows into one cell a box. Then each row's
neighbours are found in its own cell, and in those others that its ball of that size reaches.
"""

from entropae.out_of_core.extent import Extent, Moments
from entropae.out_of_core.sources import Large, is_large, opened

__all__ = ["Extent", "Large", "Moments", "is_large", "opened"]
