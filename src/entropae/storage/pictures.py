"""What goes wrong with files of images."""

from __future__ import annotations

from PIL import Image

# Pillow's errors on bad files are many.
DAMAGED: tuple[type[Exception], ...] = (
    *(OSError, ValueError, SyntaxError, EOFError, MemoryError, ArithmeticError, LookupError),
    *(TypeError, Image.DecompressionBombError, Image.DecompressionBombWarning),
)
