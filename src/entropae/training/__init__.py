"""The LightningModule, its data and callbacks, and `fit`, the short way to use them."""

from entropae.training.callbacks import Calibrate, History, Progress, Row
from entropae.training.checkpoints import CHECKPOINT
from entropae.training.faults import NonFiniteError
from entropae.training.fitting import fit
from entropae.training.module import Loaders, Training, squared_error, total_loss
from entropae.training.profile import Profile

__all__ = [
    "CHECKPOINT",
    "Calibrate",
    "History",
    "Loaders",
    "NonFiniteError",
    "Profile",
    "Progress",
    "Row",
    "Training",
    "fit",
    "squared_error",
    "total_loss",
]
