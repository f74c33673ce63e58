# %% [markdown]
# # Mutual information of a table
#
# Which columns say something of each other, and how much, whatever the form of the dependence: 178 wines of three growers, by seven chemical
# measurements (they come with scikit-learn, sorted by grower; rows in no order make standard errors smaller).
#
# It needs pandas: `pip install pandas`.

# %%
import numpy as np
from sklearn.datasets import load_wine

import entropae as ea

wines = load_wine(as_frame=True)
frame = wines.data.iloc[:, [0, 1, 5, 6, 9, 10, 12]].assign(grower=wines.target_names[wines.target])
frame = frame.sample(frac=1, random_state=0)
frame.head()

# %% [markdown]
# ## All pairs
#
# In nats; the darker the more. Numbers and classes go together in one table: how a column was taken is found out.

# %%
found = ea.information_matrix(frame)
found

# %% [markdown]
# ## One column
#
# What each says of the grower, with standard errors and p-values of permutations:

# %%
ea.rank_features(frame, "grower", permutations=200)

# %% [markdown]
# ## Not a correlation
#
# Two columns may be uncorrelated and still say much of each other. On a noisy circle the correlation is 0:

# %%
import matplotlib.pyplot as plt

rng = np.random.default_rng(0)
angle = rng.uniform(0, 2 * np.pi, 1000)
x, y = np.cos(angle), np.sin(angle) + 0.1 * rng.standard_normal(1000)
plt.figure(figsize=(3, 3))
plt.plot(x, y, ".", markersize=3)
plt.axis("equal")
print(f"correlation: {np.corrcoef(x, y)[0, 1]:.2f}")
ea.mutual_information_estimate(x, y, permutations=100)

# %% [markdown]
# ## Is what one column says there in another already?
#
# The proline of a wine says much of its grower. How much of that is not in its alcohol?

# %%
ea.conditional_mutual_information_estimate(frame["proline"], frame["grower"], frame["alcohol"])

# %% [markdown]
# On the command line: `entropae information wines.csv --target grower --out ranked.png`. [Which estimator](../estimators.md) ·
# [entropy from samples](../entropy.md)
