"""What is measured of a drawn table, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entropae.kinds.measures import Measure
from entropae.messages import unknown

MEASURES: Mapping[str, Measure] = {
    "auc": Measure(
        "two-sample AUC",
        "near 0.5",
        "probability",
        "Boosted trees tell a drawn row from a held-out one; 0.5: they cannot, 1: always.",
    ),
    "wasserstein": Measure(
        "marginals of numbers",
        "lower",
        "standard deviations",
        "Wasserstein's distance between drawn and held-out values, mean over columns of numbers.",
    ),
    "total_variation": Measure(
        "marginals of categories",
        "lower",
        "share of rows",
        "The least share of rows to change so that categories are as frequent as held out, mean "
        "over columns.",
    ),
    "rare": Measure(
        "rare categories",
        "lower",
        "relative to their share",
        "By how much the frequencies of categories below 5 % are wrong; 1: as if they were never "
        "drawn.",
    ),
    "missing": Measure(
        "missing values",
        "lower",
        "share of rows",
        "Difference of the shares of missing values, mean over columns that have any.",
    ),
    "association": Measure(
        "associations",
        "lower",
        "correlation, from 0 to 1",
        "Difference between drawn and held-out rows, mean over pairs of columns.",
    ),
    "accuracy": Measure(
        "prediction of the target",
        "higher",
        "balanced accuracy",
        "Boosted trees that learnt from drawn rows find this share of each class of held-out rows.",
    ),
    "r2": Measure(
        "prediction of the target",
        "higher",
        "R²",
        "Boosted trees that learnt from drawn rows explain this share of the target's variance of "
        "held-out rows; 0: no better than its mean.",
    ),
    "sdmetrics_shapes": Measure(
        "sdmetrics, column shapes", "higher", "score, from 0 to 1", "As the package computes it."
    ),
    "sdmetrics_pairs": Measure(
        "sdmetrics, column pairs", "higher", "score, from 0 to 1", "As the package computes it."
    ),
    "copied": Measure(
        "exact copies",
        "",
        "share of drawn rows",
        "Drawn rows that are training rows in every value; of concern if there are more than among "
        "real rows.",
    ),
    "nearest": Measure(
        "distance to training rows",
        "near 1",
        "times a held-out row's",
        "From a drawn row to the closest training row, median; well below 1: near-copies.",
    ),
    "closer": Measure(
        "closer to training rows",
        "near 0.5",
        "share of drawn rows",
        "Drawn rows closer to a training than to a held-out row, of as many of each; above 0.5: it "
        "remembers.",
    ),
    "nearest_ratio": Measure(
        "nearest-neighbour distance ratio",
        "",
        "ratio, from 0 to 1",
        "The closest training row's distance over the second closest's, median; well below that of "
        "real rows: single rows are imitated.",
    ),
    "membership": Measure(
        "membership inference, by distance",
        "near 0.5",
        "AUC",
        "An attacker who has the drawn rows tells a training row from a held-out one, by the "
        "closest drawn row; 0.5: he cannot, 1: always.",
    ),
    "membership_density": Measure(
        "membership inference, by density",
        "near 0.5",
        "AUC",
        "The same, by that distance over the one to the closest held-out row that is not attacked.",
    ),
    "membership_chance": Measure(
        "membership inference, chance",
        "",
        "AUC",
        "By how much the two may differ from 0.5 by chance, of so many rows: two standard errors.",
    ),
    "disclosed": Measure(
        "attribute disclosure",
        "near 0",
        "share of values",
        "One value of a training row is guessed from the others and the drawn rows: how much "
        "oftener than of a held-out row, mean over columns.",
    ),
    "disclosed_most": Measure(
        "attribute disclosure, most",
        "near 0",
        "share of values",
        "The same of the column where it is most; real rows show how much is chance.",
    ),
}

RELATED: Mapping[str, Measure] = {
    "children": Measure(
        "children per parent",
        "lower",
        "children",
        "Wasserstein's distance between the numbers of children of drawn and held-out parents.",
    ),
    "cardinality": Measure(
        "children per parent, shares",
        "lower",
        "share of parents",
        "Largest difference between the shares of parents with at most so many children: 1 minus "
        "what sdmetrics calls cardinality shape similarity.",
    ),
    "childless": Measure(
        "parents without children", "lower", "share of parents", "Difference of their shares."
    ),
    "count_association": Measure(
        "number of children and parents",
        "lower",
        "correlation, from 0 to 1",
        "Difference of how the number of children goes with each column of the parent, mean over "
        "these columns.",
    ),
    "between": Measure(
        "children and parents",
        "lower",
        "correlation, from 0 to 1",
        "Difference of how columns of the child go with columns of its parent, mean over pairs.",
    ),
    "siblings": Measure(
        "likeness of siblings",
        "lower",
        "intraclass correlation",
        "Difference of how alike children of one parent are, mean over columns of the child.",
    ),
}


def check_target(names: Sequence[str], target: str | None) -> None:
    """Raise unless a target is a column, with others to predict it from.

    Raises:
        ValueError: If it is not.
    """
    if target is not None and (not isinstance(target, str) or target not in names):
        raise ValueError(unknown("target", target, names))
    if target is not None and len(names) < 2:
        raise ValueError(
            f"The target {target!r} is predicted from other columns: there are none. Leave it out."
        )
