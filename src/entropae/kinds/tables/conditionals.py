"""Each column given all others: what drawn rows are settled by, and missing cells filled in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from entropae.kinds.tables.forests import LEAF, TREES, Forest, checked_forest, grown
from entropae.storage.atomic import replacing

CONDITIONALS = "conditionals.safetensors"  # in a run folder
ROWS = 10_000  # by which forests grow
LEAST = 4 * LEAF  # rows without which there are none
WORK = 1 << 30  # numbers that all nodes look at, about: 15 seconds
ASKED = 32  # numbers that a node chooses its question from, or a third of them
ONE_HOT = 10  # states that nodes ask for one by one; of more, for their place
TRIES = 6  # of a cell that keeps the rules

Groups = Sequence[tuple[int, ...]]  # of each column, see `Column.groups`
Gone = Sequence[tuple[int, int] | None]  # likewise, see `Column.gone`
# A row as a number for each group of its vector: a normal score, or the place of a state.
Cells = Float[np.ndarray, "n g"]


class Keeps(ABC):
    """Which rows keep the rules between columns."""

    @abstractmethod
    def concerns(self, i: int) -> bool:
        """Whether there is a rule for a column."""

    @abstractmethod
    def met(self, i: int, cells: Cells) -> Bool[np.ndarray, " n"]:
        """Which rows keep all rules for a column."""


class Conditionals:
    """For each column forests that tell its cells by those of all others.

    Args:
        groups: Of the columns.
        values: For each the forest of its values.
        gaps: For each the forest of whether it is missing; `None` where it never is.
        gone: For each which of its groups has which state when it is missing, if it can be.

    Examples:
        >>> x = np.random.default_rng(0).standard_normal((2000, 2))
        >>> x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
        >>> conditionals = Conditionals.fit([(0,), (0,)], x, gone=[None, None])
        >>> streams = [np.random.default_rng(i) for i in range(2)]
        >>> given, which = x * [1, 0], np.tile([False, True], (2000, 1))
        >>> drawn = conditionals.redrawn(given, streams, which=which)
        >>> bool(0.75 < np.corrcoef(drawn.T)[0, 1] < 0.85)
        True
    """

    def __init__(
        self,
        groups: Groups,
        values: Sequence[Forest],
        gaps: Sequence[Forest | None],
        gone: Gone,
    ) -> None:
        self.groups, self.gone = tuple(groups), tuple(gone)
        self.values, self.gaps = tuple(values), tuple(gaps)
        self._own = _slices([len(column) for column in self.groups])
        self._asked = _slices(_widths(self.groups))

    @classmethod
    def fit(cls, groups: Groups, cells: Cells, *, gone: Gone, seed: int = 0) -> Conditionals | None:
        """The forests of training rows; `None` if rows are too few, or columns too many.

        Args:
            groups: Of the columns.
            cells: Of the rows.
            gone: For each column which of its groups has which state when it is missing.
            seed: Of all that is random.
        """
        width = sum(_widths(groups))
        deep = np.log2(max(len(cells), 2))
        most = min(ROWS, int(WORK / (len(groups) * _asked(width) * TREES * deep)))
        if len(groups) < 2 or min(most, len(cells)) < LEAST:
            return None
        random = np.random.default_rng(seed)
        some = cells if len(cells) <= most else cells[random.permutation(len(cells))[:most]]
        x, values, gaps = questions(groups, some), [], []
        places = zip(_slices([*map(len, groups)]), _slices(_widths(groups)), gone, strict=True)
        for i, (own, place, state) in enumerate(places):
            others, made = np.delete(np.arange(width), place), some[:, own]
            absent = np.zeros(len(some), bool) if state is None else made[:, state[0]] == state[1]
            there = np.ones(len(some), bool) if absent.all() else ~absent
            values.append(_told(groups[i], made[there], x[there], others, seed + i))
            is_gap = state is not None and absent.any()
            gap = absent[:, None].astype(np.float64)
            gaps.append(_told((2,), gap, x, others, seed + i) if is_gap else None)
        return cls(groups, values, gaps, gone)

    def redrawn(
        self,
        cells: Cells,
        random: Sequence[np.random.Generator],
        *,
        which: Bool[np.ndarray, "n c"] | None = None,
        missing: bool | None = None,
        keeps: Keeps | None = None,
    ) -> Cells:
        """Rows, one column after the other drawn anew given what the others then are.

        Args:
            cells: Of rows.
            random: For each column.
            which: Cells that are drawn anew, by rows and columns; by default all.
            missing: Whether they may be missing; by default if all are drawn.
            keeps: Rules between columns. A cell that breaks one is drawn again, and stays as it was
                if that happens `TRIES` times.
        """
        cells = cells.copy()
        gaps = which is None if missing is None else missing
        x = questions(self.groups, cells)
        for i, (own, asked) in enumerate(zip(self._own, self._asked, strict=True)):
            rows = slice(None) if which is None else np.flatnonzero(which[:, i])
            ruled = keeps is not None and keeps.concerns(i)
            u = random[i].random((len(cells), TRIES if ruled else 1, 4))
            before = cells[:, own].copy()
            cells[rows, own] = self._made(i, x[rows], u[rows, 0], gaps=gaps)
            if keeps is not None and ruled:
                broken = np.arange(len(cells))[rows]
                for at in range(1, TRIES + 1):
                    broken = broken[~keeps.met(i, cells[broken])]
                    if at == TRIES or not len(broken):
                        break
                    drawn = self._made(i, x[broken], u[broken, at], gaps=gaps)
                    cells[broken, own] = drawn
                cells[broken, own] = before[broken]
            x[rows, asked] = questions(self.groups[i : i + 1], cells[rows, own])
        return cells

    def _made(
        self, i: int, x: np.ndarray, u: Float[np.ndarray, "n 4"], *, gaps: bool
    ) -> Float[np.ndarray, "n c"]:
        """Cells of a column, given what is known of the others; some may be missing if asked."""
        made, gap, state = self.values[i].draw(x, u[:, :2]), self.gaps[i], self.gone[i]
        if gaps and gap is not None and state is not None:
            absent = gap.draw(x, u[:, 2:])[:, 0] == 1
            made[absent, 0] = 0
            made[absent, state[0]] = state[1]
        return made

    def save(self, folder: Path) -> None:
        """Write the forests into a folder."""
        arrays = {
            f"{i}.{sort}.{name}": np.ascontiguousarray(array)
            for sort, forests in (("values", self.values), ("gaps", self.gaps))
            for i, forest in enumerate(forests)
            if forest is not None
            for name, array in forest.arrays().items()
        }
        with replacing(folder / CONDITIONALS) as path:
            path.write_bytes(save(arrays))

    @classmethod
    def load(cls, folder: Path, groups: Groups, gone: Gone) -> Conditionals | None:
        """What `save` wrote, checked; `None` if there is no such file.

        Raises:
            ValueError: If it is damaged, or of other columns.
        """
        path = folder / CONDITIONALS
        if not path.is_file():
            return None
        try:
            # A value in each group for a row that a tree grows by, and at most half a node.
            largest = ROWS * TREES * sum(4 * len(column) + 36 for column in groups) + (1 << 20)
            if path.stat().st_size > largest:
                raise ValueError("it is larger than its columns need")
            arrays, width = load_file(path), sum(_widths(groups))
            values = [
                checked_forest(_under(arrays, f"{i}.values."), width, list(column))
                for i, column in enumerate(groups)
            ]
            gaps = [
                checked_forest(own, width, [2]) if own and state is not None else None
                for own, state in (
                    (_under(arrays, f"{i}.gaps."), state) for i, state in enumerate(gone)
                )
            ]
        except (KeyError, ValueError, SafetensorError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error
        return cls(groups, values, gaps, gone)


def _under(arrays: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(start): array for k, array in arrays.items() if k.startswith(start)}


def _asked(width: int) -> int:
    return min(width, max(ASKED, width // 3))


def _told(
    groups: tuple[int, ...], values: Cells, x: np.ndarray, others: np.ndarray, seed: int
) -> Forest:
    """A forest that tells values of a column by other columns."""
    classes = groups[0] > 0
    made = grown(
        x[:, others],
        values[:, 0] if classes else _told_apart(groups, values),
        values,
        classes=classes,
        asked=min(1.0, _asked(x.shape[1]) / len(others)),
        seed=seed,
    )
    features = np.where(made.features < 0, -1, others[made.features]).astype(np.int32)
    return replace(made, features=features)


def questions(groups: Groups, cells: Cells) -> Float[np.ndarray, "n q"]:
    """What nodes ask for: scores, whether a row has a state, and the place among many states."""
    parts = [
        cells[:, i : i + 1] == np.arange(group) if 2 < group <= ONE_HOT else cells[:, i : i + 1]
        for i, group in enumerate(group for column in groups for group in column)
    ]
    return np.concatenate(parts, 1).astype(np.float32)


def _widths(groups: Groups) -> list[int]:
    return [sum(g if 2 < g <= ONE_HOT else 1 for g in column) for column in groups]


def _slices(widths: Sequence[int]) -> list[slice]:
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]


def _told_apart(groups: tuple[int, ...], values: Cells) -> Float[np.ndarray, "n t"]:
    """Scores, and states as twos and zeros, so that the squared error tells them apart."""
    parts = [
        2.0 * (values[:, i : i + 1] == np.arange(group)) if group else values[:, i : i + 1]
        for i, group in enumerate(groups)
    ]
    return np.concatenate(parts, 1)
