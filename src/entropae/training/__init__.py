"""The LightningModule, its data and callbacks, and `fit`, the short way to use them."""

from entropae.training.callbacks import History, Progress, Row
from entropae.training.checkpoints import CHECKPOINT
from entropae.training.faults import NonFiniteError
from entropae.training.fitting import fit
from entropae.training.loaders import Loaders
from entropae.training.module import Training
from entropae.training.profile import Profile

__all__ = [
    "CHECKPOINT",
    "History",
    "Loaders",
    "NonFiniteError",
    "Profile",
    "Progress",
    "Row",
    "Training",
    "fit",
]
