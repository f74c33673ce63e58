"""The LightningModule, its data and callbacks, and `fit`, the short way to use them."""

from entropae.drawing.log import Log, Row
from entropae.training.callbacks import History, Progress
from entropae.training.checkpoints import CHECKPOINT
from entropae.training.faults import NonFiniteError
from entropae.training.fitting import fit
from entropae.training.loaders import Loaders
from entropae.training.loggers import log_image, log_text
from entropae.training.looks import Pictures
from entropae.training.module import Training
from entropae.training.profile import Profile

__all__ = [
    "CHECKPOINT",
    "History",
    "Loaders",
    "Log",
    "NonFiniteError",
    "Pictures",
    "Profile",
    "Progress",
    "Row",
    "Training",
    "fit",
    "log_image",
    "log_text",
]
