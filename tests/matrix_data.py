"""A small data set of every kind, as files that a user might have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

# The smallest training that makes a whole run; nothing else differs from the defaults.
SHORT = ["--epochs", "1", "--model.hidden", "[32]"]


def _blobs(n: int, channels: int, size: int) -> np.ndarray:
    """Bright spots on dark ground, uint8 of shape (n, channels, size, size)."""
    rng = np.random.default_rng(0)
    place = rng.uniform(0.2, 0.8, (n, 2, 1, 1)) * size
    rows, columns = np.mgrid[:size, :size]
    spot = np.exp(-((rows - place[:, 0]) ** 2 + (columns - place[:, 1]) ** 2) / size)
    tint = rng.uniform(0.3, 1, (n, channels, 1, 1))
    return (255 * tint * spot[:, None]).astype(np.uint8)


def grey(folder: Path) -> Path:
    """An array of 220 grey images of 12 × 12 pixels."""
    path = folder / "grey.npy"
    np.save(path, _blobs(220, 1, 12)[:, 0])
    return path


def colour(folder: Path) -> Path:
    """A folder of 220 colour images of 12 × 12 pixels."""
    path = folder / "colour"
    path.mkdir()
    for i, image in enumerate(_blobs(220, 3, 12)):
        Image.fromarray(image.transpose(1, 2, 0)).save(path / f"{i:03d}.png")
    return path


def signals(folder: Path) -> Path:
    """600 noisy sine waves of 32 values."""
    rng = np.random.default_rng(0)
    phase, rate = rng.uniform(0, 6, (600, 1)), rng.uniform(0.5, 2, (600, 1))
    waves = np.sin(phase + rate * np.linspace(0, 6, 32)) + 0.1 * rng.standard_normal((600, 32))
    path = folder / "signals.npy"
    np.save(path, waves.astype(np.float32))
    return path


def vectors(folder: Path) -> Path:
    """300 vectors of 6 measurements that hang together."""
    rng = np.random.default_rng(0)
    path = folder / "vectors.npy"
    np.save(path, 5 + rng.standard_normal((300, 3)) @ rng.standard_normal((3, 6)))
    return path


def maps(folder: Path) -> Path:
    """220 maps of 8 × 8 places with 5 channels each."""
    path = folder / "maps.npy"
    np.save(path, _blobs(220, 5, 8).astype(np.float32) / 50 - 1)
    return path


def table(folder: Path) -> Path:
    """300 rows: two numbers, a whole number, a class and a truth value."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, 300)
    income = rng.lognormal(10 + age / 60, 0.3)
    city = rng.choice(["Bern", "Oslo", "Turin"], 300, p=[0.5, 0.3, 0.2])
    lines = [
        f"{a},{x:.2f},{c},{str(bool(x > 4e4)).lower()},{h:.1f}"
        for a, x, c, h in zip(age, income, city, rng.normal(170, 9, 300), strict=True)
    ]
    path = folder / "table.csv"
    path.write_text("\n".join(["age,income,city,member,height", *lines]) + "\n")
    return path


def text(folder: Path) -> Path:
    """300 short sentences."""
    rng = np.random.default_rng(0)
    words = [
        ["the old man", "a young girl", "my friend", "our dog", "the doctor"],
        ["sees", "likes", "finds", "follows", "draws"],
        ["the red house", "a small boat", "the long road", "an apple", "the sea"],
        ["today", "at night", "in the rain", "with care", "again"],
    ]
    lines = [" ".join(rng.choice(part) for part in words) + " ." for _ in range(300)]
    path = folder / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


DATA: dict[str, Callable[[Path], Path]] = {
    "grey": grey,
    "colour": colour,
    "signals": signals,
    "vectors": vectors,
    "maps": maps,
    "table": table,
    "text": text,
}


def of_another_shape(folder: Path) -> dict[str, Path]:
    """For each kind, data that its model cannot take as they are: larger, or of more channels.

    Images are in colour where the model's are grey and the other way round, of the same size.
    """
    made = {name: folder / f"other-{name}.npy" for name in DATA}
    np.save(made["grey"], _blobs(20, 3, 12))
    np.save(made["colour"], _blobs(20, 1, 12)[:, 0])
    np.save(made["signals"], np.zeros((20, 48), np.float32))
    np.save(made["vectors"], np.ones((20, 7)))
    np.save(made["maps"], np.zeros((20, 4, 8, 8), np.float32))
    made["table"] = folder / "other-table.csv"
    made["table"].write_text("age,income\n" + "".join(f"{20 + i},{i}\n" for i in range(20)))
    made["text"] = folder / "other-text.csv"
    made["text"].write_text("a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(20)))
    return made
