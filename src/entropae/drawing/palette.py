"""Colours of classes."""

from __future__ import annotations

from collections.abc import Sequence

# Matplotlib's ten, which are told apart on white and on black; more could not be.
COLOURS = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)


def shades(labels: Sequence[str] | None) -> dict[str, str]:
    """A colour for each class; none if there are no classes, one only, or more than ten.

    Examples:
        >>> shades(["dog", "cat", "dog"])
        {'cat': '#1f77b4', 'dog': '#ff7f0e'}
    """
    names = sorted(set(labels or ()))
    return dict(zip(names, COLOURS, strict=False)) if 1 < len(names) <= len(COLOURS) else {}
