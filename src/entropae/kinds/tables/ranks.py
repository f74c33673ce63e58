"""Numbers as normal scores of their ranks among quantiles, and back."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

# Ranks this near to that of a quantile are its own: what a float32 score has lost.
NEAR = 1e-4


def scores_of(knots: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Normal scores: of repeated values, that of the middle of their ranks."""
    ranks = (np.arange(len(knots)) + 0.5) / len(knots)
    low = np.interp(sites, knots, ranks)
    high = 1 - np.interp(-sites, -knots[::-1], ranks)
    return ndtri((low + high) / 2)


def quantiles(knots: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Numbers of normal scores."""
    place = ndtr(scores) * len(knots) - 0.5
    whole = np.rint(place)
    place = np.where(np.abs(place - whole) < NEAR, whole, place)
    return np.interp(place, np.arange(len(knots)), knots)


def nearest(sites: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of sorted sites those that are nearest to values."""
    right = np.clip(np.searchsorted(sites, values), 1, max(len(sites) - 1, 1))
    if len(sites) < 2:
        return np.repeat(sites, len(values))
    low, high = sites[right - 1], sites[right]
    return np.where(values - low <= high - values, low, high)


def middle(values: np.ndarray) -> float:
    """The width of the middle half of numbers; 0 of none."""
    if not len(values):
        return 0.0
    low, high = np.quantile(values.astype(np.float64), [0.25, 0.75])
    return float(high - low)
