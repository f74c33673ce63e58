"""Two tables joined by a key in, two that belong together likewise out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from entropae.kinds import Samples
from entropae.kinds.keys import halved, keys_of_table
from entropae.kinds.reading import Reading
from entropae.kinds.tables.conditions import conditions, meant
from entropae.kinds.tables.declared import declared
from entropae.kinds.tables.files import is_table
from entropae.kinds.tables.frames import (
    library_of,
    metadata_of,
    several,
    with_index,
    without,
)
from entropae.kinds.tables.opened import opened
from entropae.kinds.tables.related import (
    Relation,
    beside_parents,
    checked_relation,
    children,
    free_name,
    parents_of,
    with_children,
    with_keys_of,
)
from entropae.kinds.tables.rules import about_others, rule_of
from entropae.kinds.tables.style import Style
from entropae.kinds.tables.totals import followers, totals_of, with_totals
from entropae.kinds.tables.words import marks
from entropae.messages import unknown
from entropae.model import Autoencoder, load
from entropae.recipe import ModelConfig, Recipe
from entropae.runs.synthesis import Synthesis, synthesized
from entropae.storage.atomic import write_text

RELATION = "relation.json"
LARGEST = 1 << 24  # bytes of it
NAMES = ("parent", "child")
NAME = re.compile(r"[^/\\\0.][^/\\\0]{0,199}")  # of a file, without its ending


@dataclass(frozen=True, eq=False)
class RelatedSynthesis:
    """Models of a parent table and of its children.

    Attributes:
        parent: Of the parent's rows, with what their children are like.
        child: Of the child's rows, with their parents' columns.
        relation: How they belong together.
        names: What the two are called: as their files were, or parent and child.
        train: The parent's training rows; `None` for a model that was loaded.
    """

    parent: Autoencoder
    child: Autoencoder
    relation: Relation
    names: tuple[str, str] = NAMES
    train: Samples | None = None

    def sample(
        self, n: int, *, where: Any = None, shares: Any = None, seed: int | None = None
    ) -> tuple[Any, Any]:
        """New rows of the parent, and their children.

        Every child has one of these parents, and each parent as many children as its row says.

        Args:
            n: How many rows of the parent.
            where: Conditions on the parent's columns, see `Synthesis.sample`.
            shares: Of the categories of one of its columns.
            seed: For the same rows again.

        Returns:
            Both tables, each in a frame as it came.

        Raises:
            ValueError: If a condition cannot be read, or so many rows that meet it cannot be had.
        """
        made = self.drawn(n, seed=seed, where=where, shares=shares)
        first, second = (kind.frame(table) for kind, table in zip(self._kinds(), made, strict=True))
        return first, second

    def write_samples(self, n: int, out: str | Path, *, suffix: str = ".csv", **asked: Any) -> str:
        """Write new rows of both into a folder; returns what was done, in sentences.

        Args:
            n: How many rows of the parent.
            out: The folder. The files are called as those were that the tables came from.
            suffix: `.csv` or `.parquet`.
            asked: See `sample`.
        """
        made = self.drawn(n, **asked)
        return " ".join(
            kind.write_table(table, str(Path(out) / f"{name}{suffix}"))
            for kind, table, name in zip(self._kinds(), made, self.names, strict=True)
        )

    def evaluate(
        self, parent: Any, child: Any, *, n: int | None = None, seed: int = 0
    ) -> dict[str, Any]:
        """Measure drawn parents and children against those that nothing was learnt from.

        A tenth of the parents is held out, with their children; which ones is found again in the
        tables.

        Args:
            parent: The table that was learnt, a frame or a file.
            child: The other.
            n: How many parents are drawn; by default as many as were learnt from, but at least
                three times as many as were held out.
            seed: Of what is drawn, and of the figures.

        Returns:
            How many `parents` and `children` were held out, and `drawn parents` and `drawn
            children`; for `both tables`, and for each by its name, the figures of `drawn` and
            `real rows` (training rows in the place of drawn ones), as
            `entropae.kinds.tables.measures` has them; and `siblings`, for each column of the child
            the intraclass correlations `held out` and `drawn`. A table of which fewer than ten
            rows are held out has no figures of its own.

        Raises:
            ValueError: If fewer than ten parents are held out, or the tables are others.
        """
        from entropae.runs.related_measured import evaluate_related

        return evaluate_related(self, parent, child, n=n, seed=seed)

    def _kinds(self) -> tuple[Any, Any]:
        return self.parent.kind, self.child.kind

    def drawn(
        self, n: int, *, seed: int | None = None, where: Any = None, shares: Any = None
    ) -> tuple[Any, Any]:
        """New rows of both as `pyarrow.Table`s: see `sample`."""
        own = int(torch.randint(1 << 31, ()).item()) if seed is None else seed
        train, kind, relation = self.train, self._kinds()[0], self.relation
        near = None if train is None else lambda: train
        self._check_not_of_totals(where)
        rows, _ = kind.drawn(self.parent, n, seed=own, where=where, shares=shares, near=near)
        made, places = children(self.child, rows, relation, seed=own)
        keep = relation.key, relation.count
        how = relation.totals, kind.columns, kind.rules
        rows = with_totals(rows, made, places, *how, keep=keep).select(list(relation.parent))
        if callable(where) and relation.totals:
            met = np.asarray(where(kind.frame(rows)), bool)
            if not met.all():
                raise ValueError(
                    f"{(~met).sum()} of {n} parents do not meet the condition with what their "
                    f"children come to: {'; '.join(map(str, relation.totals))}. Draw without it, "
                    "and choose among the rows."
                )
        return rows, made

    def _check_not_of_totals(self, where: Any) -> None:
        """Raise if a condition is on what is computed from children, which are drawn later."""
        if where is None or callable(where):
            return
        kind = self._kinds()[0]
        words = marks(kind.words, kind.style)
        given = conditions(where, kind.columns.order)
        asked = [meant(one, kind.columns, words) for one in given]
        names = {name for one in asked for name in (one.name, one.other)}
        for total in self.relation.totals:
            if total.name in names:
                raise ValueError(
                    f"No condition can be on {total.name!r}, which is computed from children that "
                    f"are drawn later: {total}. Draw without it, and choose among the rows."
                )

    def save(self, folder: str | Path) -> None:
        """Keep both models in a folder, for `load_related`, or `entropae sample-related`."""
        folder = Path(folder)
        for name, model in zip(NAMES, (self.parent, self.child), strict=True):
            (folder / name).mkdir(parents=True, exist_ok=True)
            model.save(folder / name)
        said = {"relation": asdict(self.relation), "names": list(self.names)}
        write_text(folder / RELATION, json.dumps(said, ensure_ascii=False, indent=1) + "\n")


def load_related(folder: str | Path) -> RelatedSynthesis:
    """Read what `RelatedSynthesis.save` wrote. Runs no code from the folder.

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If the files are damaged, or do not fit together.
    """
    folder = Path(folder)
    path = folder / RELATION
    if not path.is_file():
        raise FileNotFoundError(f"No related tables in {folder}: {RELATION} is missing.")
    parent, child = load(folder / "parent"), load(folder / "child")
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        said = json.loads(path.read_text("utf-8"))
        kinds: tuple[Any, Any] = (parent.kind, child.kind)
        relation = checked_relation(said["relation"], *(kind.columns for kind in kinds))
        first, second = said["names"]
        if not (NAME.fullmatch(first) and NAME.fullmatch(second)) or first == second:
            raise ValueError(f"two files cannot be called {first!r} and {second!r}")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return RelatedSynthesis(parent, child, relation, (first, second))


def synthesize_related(
    parent: Any,
    child: Any,
    *,
    key: str,
    foreign_key: str | None = None,
    columns: Mapping[str, Any] | None = None,
    rules: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    find_rules: bool = True,
    model: ModelConfig | None = None,
    epochs: int | None = None,
    validation: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> RelatedSynthesis:
    """Learn two tables of which one refers to the other, to draw both.

    Each row of the child (orders) has one parent (customers), a parent has any number of children.
    The parent is modelled with the number of its children, their means and their commonest values;
    the child with its parents' columns, given which children are drawn. Besides what passes through
    these, children of one parent are independent, and have no order.

    Args:
        parent: A frame or a file, as `synthesize` takes it.
        child: Another.
        key: The parent's column of keys: unique, never missing. New keys are made.
        foreign_key: The child's column that refers to it; by default it has the same name.
        columns: What columns of either table are, see `synthesize`.
        rules: That all rows of either keep, see `synthesize`, or that a child keeps beside its
            parent: `"parent.since <= date"`.
        drop: Columns of either to leave out.
        find_rules: Look for such rules, and keep them.
        model: Networks and latent of both.
        epochs: Passes over the rows of each.
        validation: Share of the parents that is kept from training, for `evaluate`.
        seed: Of all that is random.
        progress: Print what the columns were taken for, and show bars.

    Returns:
        What draws both: `customers, orders = synthesize_related(…).sample(1000)`.

    Raises:
        ValueError: If keys are missing, repeated, or refer to nothing.

    References:
        N. Patki, R. Wedge, K. Veeramachaneni, "The synthetic data vault", DSAA 2016, section III:
        tables are extended by what their children are like.
    """
    link, columns = foreign_key or key, dict(columns or {})
    parent, child = with_index(parent, key), with_index(child, link)
    recipe = Recipe(
        find_rules=find_rules,
        model=model or ModelConfig(),
        epochs=epochs,
        validation=validation,
        seed=seed,
    )
    rules = several(rules)
    drop = [*several(drop), *(name for name, said in columns.items() if said == "drop")]
    sources = (parent, child)
    (upper, lower), styles = _tables(sources, drop, columns)
    places = parents_of(upper, lower, key, link)
    lower = with_keys_of(upper, lower, places, key, link)
    totals = totals_of(upper, lower, places, {key, link}) if find_rules else ()
    said = {name: declared(words) for name, words in columns.items() if words != "drop"}
    extended, count = with_children(
        upper, lower, places, foreign_key=link, said=said, key=key, seed=seed
    )
    of_parent = [rule for rule in rules if _is_of(rule, extended.column_names)]
    keys = keys_of_table(upper)
    halves = halved(len(upper), recipe.validation, seed=seed, keys=keys)
    how: dict[str, Any] = {"progress": progress, "below": halves.below}
    said_of_parent = {**columns, key: "identifier"}
    first = _synthesis(extended, said_of_parent, of_parent, recipe, keys=keys, **how)
    relation = Relation(
        key=key,
        foreign_key=link,
        count=count,
        given=_given(first, lower.column_names, followers(totals, first.kind.rules)),
        parent=tuple(upper.column_names),
        child={field.name: str(field.type) for field in lower.schema},
        seed=seed,
        below=halves.below,
        totals=totals,
    )
    beside = beside_parents(extended, lower, places, relation)
    of_child = [rule for rule in rules if rule not in of_parent]
    if np.isin(places, halves.train).sum() < 2:
        raise ValueError(
            f"At least 2 children of parents that are not held out are needed: got {len(lower)} "
            f"children of {len(upper)} parents. Bring more rows."
        )
    # Children are held out with their parents.
    how |= {"keys": keys[places], "given": frozenset(relation.given.values())}
    second = _synthesis(beside, columns, of_child, recipe, **how)
    found = second.kind.rules
    second.kind.rules = about_others(found, how["given"])
    if progress and totals:
        print(f"Computed from children once they are drawn: {'; '.join(map(str, totals))}.")
    left_out = [str(rule) for rule in found if rule not in second.kind.rules]
    if progress and left_out:
        print(f"Of these rules, none is needed for children: {', '.join(left_out)}.")
    for made, source, style in zip((first, second), sources, styles, strict=True):
        made.kind.style, made.kind.metadata = style, metadata_of(without(source, drop))
        made.kind.library = "" if is_table(source) else library_of(source) or ""
    return RelatedSynthesis(first.model, second.model, relation, _names(sources), first.train)


def _tables(
    sources: Sequence[Any], drop: Sequence[str], columns: Mapping[str, Any]
) -> tuple[list[Any], list[Style | None]]:
    """The tables without what is left out, and how their files are written."""
    reading, names, tables, styles = Reading(drop=tuple(drop)), [], [], []
    for source in sources:
        table, _, style, its_names = opened(source, reading)
        names += its_names
        tables.append(table.drop_columns([name for name in drop if name in table.column_names]))
        styles.append(style)
    for name in (*drop, *columns):
        if name not in names:
            raise ValueError(unknown("column", name, [*dict.fromkeys(names)]))
    return tables, styles


def _names(sources: Sequence[Any]) -> tuple[str, str]:
    """What two files are called, without their endings."""
    first, second = (
        Path(source).name.partition(".")[0] if is_table(source) else "" for source in sources
    )
    fit = NAME.fullmatch(first) and NAME.fullmatch(second) and first != second
    return (first, second) if fit else NAMES


def _given(parent: Synthesis, taken: Sequence[str], leave: Collection[str]) -> dict[str, str]:
    """Columns of the parent's model that children are drawn by, and their names beside these."""
    columns = [one for one in parent.kind.columns.columns if one.name not in leave]
    modelled = [one for one in columns if one.meaning != "text"]
    return {one.name: free_name(f"parent.{one.name}", taken) for one in modelled}


def _is_of(rule: str, names: Sequence[str]) -> bool:
    """Whether a table has the columns of a rule."""
    try:
        rule_of(rule, names)
    except ValueError:
        return False
    return True


def _synthesis(
    table: Any, columns: Mapping[str, Any], rules: Sequence[str], recipe: Recipe, **how: Any
) -> Synthesis:
    said = {name: words for name, words in columns.items() if name in table.column_names}
    return synthesized(table, replace(recipe, columns=said, rules=tuple(rules)), **how)
