"""What `knn_entropy` returns or says for input that is out of the ordinary.

python benchmarks/inputs.py
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

import entropae as ea

from _machine import save

rng = np.random.default_rng(0)
normal = rng.standard_normal((1000, 4))
doubled = np.concatenate([normal, normal])
constant = normal.copy()
constant[:, 2] = 1
holed = normal.copy()
holed[5, 1] = np.nan
endless = normal.copy()
endless[7, 0] = np.inf

CASES = {
    "1000 points of N(0, I), d = 4": (normal, 3),
    "float32, mean 1e4, standard deviation 1": ((normal + 1e4).astype(np.float32), 3),
    "float32, two clusters at ±1e4": (
        np.concatenate([normal + 1e4, normal - 1e4]).astype(np.float32),
        3,
    ),
    "scale 1e-12": (normal * 1e-12, 3),
    "every point twice, k = 1": (doubled, 1),
    "every point twice, k = 3": (doubled, 3),
    "NaN": (holed, 3),
    "inf": (endless, 3),
    "n = 3, k = 3": (normal[:3], 3),
    "n = 4, k = 3": (normal[:4], 3),
    "integers 0 to 9, d = 1": (rng.integers(0, 10, 100), 3),
    "a constant column": (constant, 3),
    "shape (n,)": (normal[:, 0], 3),
    "empty": (np.empty((0, 4)), 3),
    "d = 400": (rng.standard_normal((1000, 400)), 3),
    "three axes": (normal.reshape(10, 100, 4), 3),
    "text": (np.array([["a"], ["b"]]), 1),
}


def say(x: np.ndarray, k: int) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = f"{ea.knn_entropy(x, k):.4f}"
        except ValueError as error:
            return f"ValueError: {error}"
    return answer + "".join(f"; warning: {warning.message}" for warning in caught)


def main() -> None:
    table = {name: say(x, k) for name, (x, k) in CASES.items()}
    for name, answer in table.items():
        print(f"{name:42s} {answer}")
    h = torch.zeros(8, 3, requires_grad=True)
    ea.knn_entropy(h, 1, floor=1e-2).backward()
    moved = h.detach() + 0.01 * h.grad
    nearest = torch.cdist(moved, moved).fill_diagonal_(torch.inf).min().item()
    table["8 coincident codes after one gradient step"] = nearest
    print(f"Smallest distance of 8 coincident codes after one gradient step of 0.01: {nearest:.4f}")
    save("inputs", table)


if __name__ == "__main__":
    main()
