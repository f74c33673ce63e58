"""Data sets by name: bundled ones, and published files that are downloaded once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from entropae.storage.arrays import read_array

# Published files by name: address, and SHA-256 of the file as published.
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DOWNLOADS = {
    "mnist": (
        MNIST + "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "mnist:test": (
        MNIST + "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "fashion-mnist": (
        FASHION + "train-images-idx3-ubyte.gz",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "fashion-mnist:test": (
        FASHION + "t10k-images-idx3-ubyte.gz",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
}
NAMES = ("digits", *DOWNLOADS)


def by_name(name: str, *, download: bool = True) -> np.ndarray:
    """The images of a data set in `NAMES`.

    Args:
        name: Its name.
        download: Whether it may be downloaded, if it has not been.

    Raises:
        FileNotFoundError: If it has not been, and may not be.
        OSError: If they cannot be downloaded.
    """
    if name == "digits":
        from sklearn.datasets import load_digits

        grey = np.asarray(load_digits(return_X_y=True)[0]).reshape(-1, 8, 8)
        return np.rint(grey * (255 / 16)).astype(np.uint8)
    import pooch

    address, checksum = DOWNLOADS[name]
    cache = os.environ.get("ENTROPAE_CACHE") or pooch.os_cache("entropae")
    fname = f"{name.partition(':')[0]}-{address.rpartition('/')[2]}"
    if not download and not (Path(cache) / fname).is_file():
        raise FileNotFoundError(f"{name} has not been downloaded to this machine.")
    try:
        file = pooch.retrieve(
            address,
            f"sha256:{checksum}",
            fname=fname,
            path=cache,
            progressbar=True,
        )
    except (OSError, ValueError) as error:
        raise OSError(
            f"{name} could not be downloaded ({error}). If you have its files, give their folder "
            "instead of the name."
        ) from error
    return read_array(Path(file))
