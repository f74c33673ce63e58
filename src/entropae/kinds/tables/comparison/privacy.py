"""What a drawn table tells of the rows that its generator was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from entropae.kinds.tables.comparison.columns import (
    DRAWN,
    TEST,
    TRAIN,
    Rows,
    Shared,
    distances,
    nearest,
    rows,
)

ASKED = 1000  # rows of each table whose neighbours are looked for
SEARCHED = 10_000  # rows among which they are
VICTIMS = 300  # rows of which a value is guessed
NEAR = 0.1  # standard deviations within which a guessed number counts as right


def privacy(columns: Sequence[Shared], *, seed: int = 0) -> dict[str, float]:
    """Figures of copies, of nearness, and of two attacks; the baseline of each is in `MEASURES`.

    Args:
        columns: Of three tables: the generator's training rows, held-out rows, drawn rows.
        seed: Of the rows that are looked at where there are many: 1000 of each table, among 10 000.

    Returns:
        `copied`, the share of drawn rows that are training rows in every value.
        `nearest`, the median distance of a drawn row to the closest training row, over that of a
        held-out row; NaN if most held-out rows are among the training rows, and most drawn ones are
        not. `closer`, the share of drawn rows that are closer to a training row than to
        any held-out row, of as many training rows as held-out ones; ties count half.
        `nearest_ratio`, the median over drawn rows of the distance to the closest training row over
        that to the second closest.
        `membership` and `membership_density`, the area under the ROC curve of two attackers who
        tell training from held-out rows: by the distance to the closest drawn row, and by that
        distance over the one to the closest row of others (half of the held-out rows, the other
        half of which is attacked). `membership_chance`, twice the standard error that the second
        has where there is nothing to tell.
        `disclosed`, how often an attacker who knows all values of a training row but one guesses
        that one, from the closest drawn row; less how often it is guessed of held-out rows.
        `disclosed_most`, the same of the column where it is most.

    References:
        Closest records: Platzer and Reutterer, "Holdout-based empirical assessment of mixed-type
        synthetic data", Frontiers in Big Data 4 (2021). Membership: the attacker with nothing but
        samples of Chen et al., "GAN-Leaks", CCS (2020); van Breugel et al., "Membership inference
        attacks against synthetic data through overfitting detection" (DOMIAS), AISTATS (2023),
        here with densities of the nearest neighbour. Guessed values: the inference risk of Giomi
        et al., "A unified framework for quantifying privacy risk in synthetic data", PoPETs (2023).
    """
    random = np.random.default_rng(seed)
    train, test, drawn = ((i, _some(columns, i, random)) for i in (TRAIN, TEST, DRAWN))
    known = set(rows(columns, TRAIN))
    real, made = ((i, _some(columns, i, random, SEARCHED)) for i in (TRAIN, DRAWN))
    to_train = nearest(columns, drawn, real, 2)[0]
    usual = nearest(columns, test, real)[0]
    members, others = (nearest(columns, some, made)[0][:, 0] for some in (train, test))
    return {
        "copied": float(np.mean([row in known for row in rows(columns, DRAWN)])),
        "nearest": _ratio(float(np.median(to_train[:, 0])), float(np.median(usual))),
        "closer": _closer(columns, drawn, random),
        "nearest_ratio": float(np.median(_ratios(to_train[:, 0], to_train[:, 1]))),
        "membership": auc(-members, -others),
        "membership_density": _by_density(columns, train, made, random),
        "membership_chance": _chance(len(train[1]), len(test[1]) // 2),
        **_disclosed(columns, made, random),
    }


def auc(members: Float[np.ndarray, " n"], others: Float[np.ndarray, " m"]) -> float:
    """How probably a member's score is above another's, ties counting half.

    Of scores of one distribution the standard error is at most `√((n + m + 1)/(12 n m))`.
    """
    from sklearn.metrics import roc_auc_score

    is_member = np.repeat([1, 0], [len(members), len(others)])
    return float(roc_auc_score(is_member, np.concatenate([members, others])))


def _chance(n: int, m: int) -> float:
    """Two standard errors of the AUC of `n` and `m` scores of one distribution, without ties."""
    return 2 * float(np.sqrt((n + m + 1) / (12 * n * m)))


def _some(columns: Sequence[Shared], table: int, random: Any, most: int = ASKED) -> np.ndarray:
    n = len(columns[0].values[table])
    return np.arange(n) if n <= most else random.choice(n, most, replace=False)


def _ratio(a: float, b: float) -> float:
    """`a/b`; 1 of two zeros, of tables whose rows occur again and again; NaN of one beneath."""
    return 1.0 if a == b else a / b if b else float("nan")


def _ratios(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """`a/b` for `a ≤ b`; 1 of two zeros: a row that two training rows share singles out none."""
    return np.divide(a, b, out=np.ones_like(a), where=b > 0)


def _closer(columns: Sequence[Shared], drawn: Rows, random: Any) -> float:
    sizes = [len(columns[0].values[table]) for table in (TRAIN, TEST)]
    m = min(*sizes, SEARCHED)
    found = [
        nearest(columns, drawn, (table, random.choice(size, m, replace=False)))[0][:, 0]
        for table, size in zip((TRAIN, TEST), sizes, strict=True)
    ]
    return float(np.mean((found[0] < found[1]) + 0.5 * (found[0] == found[1])))


def _by_density(columns: Sequence[Shared], train: Rows, made: Rows, random: Any) -> float:
    """Half of the held-out rows say how dense rows are in general; the other half is attacked."""
    order = random.permutation(len(columns[0].values[TEST]))
    general, attacked = (TEST, order[::2]), (TEST, order[1::2][:ASKED])
    found = []
    for one in (train, attacked):
        here, there = (nearest(columns, one, b)[0][:, 0] for b in (made, general))
        # As the ratio of the two, but of two zeros too.
        found.append(
            np.divide(there, here + there, out=np.full(len(here), 0.5), where=here + there > 0)
        )
    return auc(*found)


def _disclosed(columns: Sequence[Shared], made: Rows, random: Any) -> dict[str, float]:
    """How much oftener values of training rows are guessed than those of held-out rows."""
    if len(columns) < 2:
        return {"disclosed": float("nan"), "disclosed_most": float("nan")}
    guessed = []
    for table in (TRAIN, TEST):
        victims = _some(columns, table, random, VICTIMS)
        right = np.empty((len(columns), len(victims)), bool)
        for part, parts in distances(columns, (table, victims), made):
            total = sum(parts[1:], parts[0])
            for i, (column, own) in enumerate(zip(columns, parts, strict=True)):
                guesses = made[1][(total - own).argmin(1)]
                right[i, part] = _right(column, (table, victims[part]), guesses)
        guessed.append(right.mean(1))
    more = np.subtract(*guessed)
    return {"disclosed": float(more.mean()), "disclosed_most": float(more.max())}


def _right(column: Shared, victims: Rows, guesses: np.ndarray) -> Bool[np.ndarray, " n"]:
    truth, guess = column.coded(victims), column.coded((DRAWN, guesses))
    if not column.is_number:
        return truth == guess
    return (np.abs(truth - guess) <= NEAR) | (np.isnan(truth) & np.isnan(guess))
