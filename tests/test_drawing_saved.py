"""Figures are written as matplotlib writes them."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from entropae.drawing.saved import save


def figure() -> Figure:
    """Long labels and a title, for which room has to be made."""
    made = Figure(figsize=(4, 3), layout="constrained")
    left, right = made.subplots(1, 2)
    left.plot([1e6, 2e6], [1, 3])
    left.set_ylabel("a label\nof two lines")
    made.colorbar(right.imshow(np.eye(3)), ax=right, label="values")
    right.set_title("a title that is wider than its axes are")
    return made


@pytest.mark.parametrize(("format", "dpi"), [("png", 100), ("png", 150), ("svg", 100)])
def test_files_are_those_of_savefig(format, dpi):
    options = {"metadata": {"Date": None}} if format == "svg" else {}
    with matplotlib.rc_context({"svg.hashsalt": "the same"}):
        expected, found = io.BytesIO(), io.BytesIO()
        figure().savefig(expected, format=format, dpi=dpi, **options)
        save(figure(), found, format=format, dpi=dpi, **options)
    if format == "png":  # compressed less
        np.testing.assert_array_equal(Image.open(found), Image.open(expected))
        assert Image.open(found).info == Image.open(expected).info
    else:
        assert found.getvalue() == expected.getvalue()
