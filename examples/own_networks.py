# %% [markdown]
# # Your own networks, in Lightning
#
# Any encoder and decoder, a `Trainer` of your own, with its callbacks and loggers: `ea.training.Training` is a `LightningModule` like any other.
#
# It needs TensorBoard: `pip install "entropae[tensorboard]"`.

# %%
import logging

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.tuner import Tuner
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

import entropae as ea
from entropae.training import Pictures, Training

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
order = torch.randperm(len(images))
train = DataLoader(images[order[200:]], 128, shuffle=True)
held_out = DataLoader(images[order[:200]], 200)

# %% [markdown]
# The encoder ends in as many numbers as the latent has dimensions; the decoder takes as many.

# %%
encoder = nn.Sequential(
    *(nn.Conv2d(1, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
    *(nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.ReLU()),
    *(nn.Flatten(), nn.Linear(256, 8)),
)
decoder = nn.Sequential(
    *(nn.Linear(8, 256), nn.ReLU(), nn.Unflatten(1, (64, 2, 2))),
    *(nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
    *(nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Sigmoid()),
)
model = ea.Autoencoder(encoder, decoder, ea.Entropic(dim=8))
training = Training(model)

# %% [markdown]
# ## A trainer, with callbacks and a logger
#
# `Pictures` hands samples and reconstructions to every logger that takes pictures; all else is Lightning's own.

# %%
trainer = Trainer(
    max_epochs=40,
    accelerator="cpu",
    logger=TensorBoardLogger("logs", name="digits", version=""),
    callbacks=[
        Pictures(most=5),
        LearningRateMonitor(),
        EarlyStopping("validation/reconstruction", patience=10),
    ],
    log_every_n_steps=10,
    num_sanity_val_steps=0,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)

# %% [markdown]
# ## A learning rate
#
# Lightning's search raises the rate step by step and watches the loss. Ours is a logarithm and falls below 0, so that its
# rule for stopping early must be off; the first half of the curve is the start of its own smoothing, and is passed over.

# %%
import warnings

warnings.filterwarnings("ignore", "The '.*' does not have many workers")
warnings.filterwarnings("ignore", ".*LeafSpec.*")
rates = Tuner(trainer).lr_find(
    training, train, held_out, min_lr=1e-5, max_lr=0.3, early_stop_threshold=None
)
training.learning_rate = rates.suggestion(skip_begin=50)
figure = rates.plot()
figure.axes[0].axvline(training.learning_rate, color="C1", label=f"{training.learning_rate:.1g}")
_ = figure.axes[0].legend()
# %% [markdown]
# ## Train

# %%
trainer.fit(training, train, held_out)
for name, value in sorted(trainer.callback_metrics.items()):
    print(f"{name:28} {value:8.4f}")

# %% [markdown]
# What TensorBoard shows of it (`tensorboard --logdir logs`), read back from its file: samples after some of the epochs.

# %%
import io

import matplotlib.pyplot as plt
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator("logs/digits", size_guidance={"images": 0}).Reload()
shown = events.Images("samples")
figure, axes = plt.subplots(1, len(shown), figsize=(3 * len(shown), 3.2))
for axis, one in zip(axes, shown):
    axis.imshow(Image.open(io.BytesIO(one.encoded_image_string)))
    axis.set_title(f"step {one.step}")
    axis.axis("off")

# %% [markdown]
# ## Use
#
# The model is calibrated and in evaluation mode. A mixture fitted to the codes draws better samples than N(0, I) from so short a training:

# %%
model.fit_prior(train, "mixture")
model.show(n=36)

# %%
model.show(images[order[:200]], n=16)
