"""A user's program, which pyright must take in strict mode with what the wheel says of types."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

import entropae as ea
from entropae.sklearn import EntropicAutoencoder, KNNEntropy

x = torch.randn(300, 6)
model = ea.Autoencoder(nn.Linear(6, 2), nn.Linear(2, 6), ea.Entropic(2))
log: list[dict[str, float]] = [dict(row) for row in ea.fit(model, x, epochs=2, progress=False)]
code: Tensor = model.encode(x)
made: Tensor = model.draw(3, seed=0)
spread: Tensor = ea.knn_entropy(code, 3)
entropy: float = ea.knn_entropy(code.numpy(), 3)
estimate = ea.entropy_estimate(code.numpy())
interval: tuple[float, float] = (estimate.low, estimate.high)
shared: float = ea.knn_mutual_information(code[:, 0].numpy(), code[:, 1].numpy())
codes = EntropicAutoencoder(2, epochs=1, random_state=0).fit(x.numpy()).transform(x.numpy())
density: np.ndarray = KNNEntropy().fit(codes).score_samples(codes)
print(len(log), len(made), interval, float(spread) - entropy, shared, len(density))
