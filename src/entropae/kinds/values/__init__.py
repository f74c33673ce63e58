"""Samples as arrays of numbers: what every kind does that does not say otherwise."""
