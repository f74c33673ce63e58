# %% [markdown]
# # A model that does not work
#
# Reconstructions are good and samples are rubbish: the complaint that everybody has of autoencoders. This notebook makes such a model, asks what is
# wrong with it, and does what it is told.

# %%
import torch
from sklearn.datasets import load_digits

import entropae as ea
from entropae.latent import Plain
from entropae.nn import MLPDecoder, MLPEncoder

images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
train, held_out = images[:1500], images[1500:]


def trained(latent):
    torch.manual_seed(0)
    encoder = MLPEncoder((1, 8, 8), latent.in_features, hidden=(256,))
    decoder = MLPDecoder((1, 8, 8), latent.dim, hidden=(256,))
    model = ea.Autoencoder(encoder, decoder, latent)
    ea.fit(model, train, epochs=40, validation=held_out, progress=False)
    return model


# %% [markdown]
# ## The complaint
#
# A plain autoencoder. Each row of held-out digits has its reconstructions below it:

# %%
plain = trained(Plain(8))
plain.show(held_out, n=16)

# %% [markdown]
# And these are "new digits", decoded from codes drawn from N(0, I):

# %%
plain.show(n=36)

# %% [markdown]
# ## What is wrong?
#
# Each finding that is serious is open: what was measured, the probable cause, the remedy. Some follow from others, and say so.

# %%
plain.diagnose(train, held_out, progress=False)

# %% [markdown]
# ## Do what it says
#
# Codes that nothing asks anything of do not follow N(0, I), so that what is drawn from there lies where no code is. The entropic latent asks for it: batch
# normalisation fixes mean and variance, and the penalty raises the entropy.

# %%
entropic = trained(ea.Entropic(8))
entropic.show(n=36)

# %%
entropic.diagnose(train, held_out, progress=False)

# %% [markdown]
# Or leave the model as it is, which suits one that somebody else has trained, and draw codes from where they are: from a mixture of normal distributions fitted to
# them. An invertible map of all codes to N(0, I) does more, and takes longer: [priors and the head](../priors.md).

# %%
plain.fit_prior(train, "mixture", seed=0)
plain.show(n=36)

# %% [markdown]
# On the command line it is `entropae diagnose runs/digits`. All findings: [when something is wrong](../troubleshooting.md).
