# %% [markdown]
# # A table
#
# Rows in, rows like them out, with the same columns and types: 442 patients, their blood serum, and how their diabetes went on in a year
# (it comes with scikit-learn).
#
# It needs pandas and pyarrow: `pip install pandas "entropae[tables]"`.

# %%
import pandas as pd
from sklearn.datasets import load_diabetes

import entropae as ea

frame = load_diabetes(as_frame=True, scaled=False).frame
frame = frame.rename(columns={"s1": "cholesterol", "s2": "ldl", "s3": "hdl", "s6": "sugar"})
frame = frame.drop(columns=["s4", "s5"]).astype({"age": int, "target": int})
frame["sex"] = frame["sex"].map({1.0: "a", 2.0: "b"})
frame.head()

# %% [markdown]
# ## Train, and draw rows

# %%
made = ea.synthesize(frame, epochs=150, progress=False)
pd.Series(made.columns, name="was taken for").to_frame()

# %%
made.sample(5, seed=0)

# %% [markdown]
# On a condition, which every row meets:

# %%
made.sample(5, where="sex=a, age>60", seed=0)

# %% [markdown]
# ## How far are they from real ones?
#
# Columns by themselves, real and drawn:

# %%
import matplotlib.pyplot as plt

drawn = made.sample(len(frame), seed=1)
figure, axes = plt.subplots(2, 4, figsize=(12, 5), layout="constrained")
for axis, name in zip(axes.flat, frame.columns.drop("sex")):
    for rows, label in ((frame, "real"), (drawn, "drawn")):
        axis.hist(
            rows[name],
            bins=20,
            range=(frame[name].min(), frame[name].max()),
            alpha=0.55,
            label=label,
        )
    axis.set_title(name)
_ = axes[0, 0].legend()
# %% [markdown]
# And in pairs: the correlations of both.

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for axis, rows, title in ((axes[0], frame, "real"), (axes[1], drawn, "drawn")):
    numbers = rows.drop(columns="sex")
    shades = axis.imshow(numbers.corr(), vmin=-1, vmax=1, cmap="RdBu_r")
    axis.set_xticks(range(len(numbers.columns)), numbers.columns, rotation=60, ha="right")
    axis.set_yticks(range(len(numbers.columns)), numbers.columns)
    axis.set_title(title)
_ = figure.colorbar(shades, ax=axes, shrink=0.8)
# %% [markdown]
# ## Would a model learn the same from them?
#
# Trees that predict the target from rows that they have not seen, learnt from real rows and from drawn ones:

# %%
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

learnt, test = train_test_split(frame, random_state=0)
drawn = ea.synthesize(learnt, epochs=150, progress=False).sample(len(learnt), seed=2)


def columns(rows):
    return pd.get_dummies(rows.drop(columns="target"))


for name, rows in (("real", learnt), ("drawn", drawn)):
    trees = RandomForestRegressor(random_state=0).fit(columns(rows), rows["target"])
    print(f"learnt from {name} rows: R² = {trees.score(columns(test), test['target']):.2f}")

# %% [markdown]
# `entropae fit --data people.csv` does the same on the command line, and `entropae evaluate` measures privacy too: [tables](../tables.md).
