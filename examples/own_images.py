# %% [markdown]
# # Your own images
#
# A folder of pictures, a model that draws more like them. Here the folder is made first, of the 1797 handwritten digits that come with
# scikit-learn; yours is there already.

# %%
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

folder = Path("photos")
folder.mkdir()
for i, image in enumerate(load_digits().images):
    pixels = Image.fromarray((image * 15.9).astype("uint8")).resize((16, 16))
    pixels.save(folder / f"{i:04d}.png")

# %% [markdown]
# `ea.kinds.read` reads it as training does, and shows what it found.

# %%
import entropae as ea

images = ea.kinds.read("photos")
images

# %% [markdown]
# ## Train
#
# The same as `entropae fit --data photos --out runs/photos --epochs 40` on the command line. What is left open is settled by the
# data, and said: here the dimensions of the code. Without `epochs` it trains for up to ten minutes.

# %%
from entropae.recipe import Recipe
from entropae.runs import Run, make

make(Recipe(data="photos", epochs=40), Path("runs/photos"))
run = Run.open("runs/photos")
run

# %% [markdown]
# How the parts of the loss went, on the samples that were trained on and on those held out:

# %%
run.log

# %% [markdown]
# ## New images
#
# Drawn from what held-out codes were likeliest under, which `fit` chose:

# %%
run.model.show(n=36)

# %% [markdown]
# Held-out images in rows, each with its reconstructions below it. What is lost here is lost in every sample as well.

# %%
run.model.show(run.held_out, n=16)

# %% [markdown]
# `run.sample(1000)` gives them as a tensor, and on the command line `entropae sample runs/photos -n 1000 --out new` as files.
#
# ## Is it good?
#
# The distances of samples to held-out images, beside those of as many training images, which is what samples as good as the data would
# come to. Lower is better.

# %%
import pandas as pd

found = run.evaluate(n=500, progress=False)
priors = [name for name in run.model.priors if name in found]
figures = {name: found[name] for name in priors}
pd.DataFrame(figures).round(3)

# %% [markdown]
# And what is wrong with the model, worst first, each finding with its cause and remedy:

# %%
run.diagnose(progress=False)
