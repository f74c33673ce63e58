def log_distances(distances: Distances, exponent: int) -> Distances:
    """Logarithms of distances measured in units of two to the exponent; `-inf` of 0."""
    with np.errstate(divide="ignore"):
        return np.log(distances) + exponent * np.log(2)
