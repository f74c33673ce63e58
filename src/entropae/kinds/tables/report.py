"""Sections of a report about rows of a table. Real rows are in none unless they are asked for."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float

from entropae.drawing import charts
from entropae.drawing.blocks import Block, Code, Heading, Picture, Pictures, Table, Text
from entropae.kinds import written
from entropae.kinds.tables.cells import Cells, cells_of_rows, mostly_new
from entropae.kinds.tables.comparison import LEAST, Shared, privacy, real_privacy, share, shared
from entropae.kinds.tables.comparison.columns import as_numbers
from entropae.kinds.tables.evaluation import comparable, drawn_beside
from entropae.kinds.tables.measures import MEASURES
from entropae.kinds.tables.pictures import (
    KEPT,
    difference,
    draw_marginal,
    matrices,
    name_axes,
    short,
)
from entropae.kinds.tables.plain import units_per_day
from entropae.kinds.values.errors import squared_errors
from entropae.kinds.values.report import COMPARED
from entropae.messages import printable
from entropae.prior import TITLES

COMMON = 3  # values of a column that are named
PICTURED = 24  # columns that have a picture
SEEN = 10_000  # training rows among which the nearest is looked for


def samples(run: Any) -> list[Block]:
    """Samples of each prior, what each column has, and pictures beside held-out rows."""

    def drawn(name: str) -> Cells:
        return cells_of_rows(run.train.kind, _drawn(run, written.SHEET, name))

    blocks = [*written.samples(run, real=run.real_rows, drawn=drawn), _columns(run)]
    columns = _shared(run)
    return blocks if columns is None else [*blocks, *_pictured(columns, run)]


def _drawn(run: Any, n: int, prior: str | None = None) -> Any:
    """New rows as `Tables.drawn` gives them; or repaired ones, if too few keep the rules."""
    kind = run.train.kind
    try:
        return kind.drawn(run.model, n, seed=run.seed, prior=prior)[0]
    except ValueError:
        return kind.repaired(run.samples(n, prior), drawn=True, seed=run.seed)[0]


def _new(run: Any, x: Any) -> dict[str, float]:
    """Columns of texts that held-out rows have mostly others of than training rows."""
    return mostly_new(run.train.kind.columns, x.numpy())


def _shared(run: Any) -> list[Shared] | None:
    """Columns of training, held-out and drawn rows; `None` if the rows are too few to compare."""
    if min(len(run.train), len(run.held_out)) < LEAST:
        return None
    kind = run.train.kind
    n = drawn_beside(min(len(run.train), SEEN), min(len(run.held_out), COMPARED))
    x = run.held_out.spread(COMPARED)
    tables = [_rows(kind, one) for one in (run.train.spread(SEEN), x)]
    tables.append(comparable(kind.columns, _drawn(run, n)))
    gone = [*_new(run, x)]
    if len(gone) == len(kind.columns.columns):
        return None
    train, test, drawn = (table.drop_columns(gone) for table in tables)
    return shared(train, test, drawn, categories=kind.categories)


def _rows(kind: Any, x: Any) -> Any:
    """Rows as they are compared."""
    return comparable(kind.columns, kind.table(x))


def _pictured(columns: list[Shared], run: Any) -> list[Block]:
    marginals, colours = [], (charts.ACCENT, charts.OTHER)
    for i, column in enumerate(columns[:PICTURED]):
        alt = f"{printable(column.name)}, {run.others} and drawn: {difference(column)}"
        with charts.chart(f"marginal-{i}", alt, size=(3.6, 2.2)) as drawn:
            draw_marginal(drawn.axes, column, colours)
            charts.legend(drawn.axes)
        marginals.append(Picture(drawn.markup, f"{short(column.name)}: {difference(column)}"))
    text = f"Columns of {run.others} and drawn rows, and how pairs of columns go together"
    if len(columns) > PICTURED:
        text += f"; the first {PICTURED} of {len(columns)} columns"
    return [
        Heading("Columns, real and drawn"),
        Text(f"{text}. Categories of fewer than {KEPT} rows are among the others."),
        Pictures(marginals),
        Pictures([_matrix(columns, *one) for one in enumerate(matrices(columns).items())]),
    ]


def _matrix(columns: list[Shared], i: int, named: tuple[str, Any]) -> Picture:
    title, values = named
    sizes = np.abs(values - np.diag(np.diag(values)))
    pair = " and ".join(short(columns[i].name) for i in divmod(sizes.argmax(), len(sizes)))
    most = f"at most {sizes.max():.2f} in size off the diagonal" + (
        f" ({pair})" if len(sizes) > 1 else ""
    )
    alt = f"Associations of columns, {title}: {most}"
    side = float(np.clip(0.28 * len(columns), 3.2, 7))
    with charts.chart(f"associations-{i}", alt, size=(side, side)) as drawn:
        charts.coloured(drawn.axes, values, most=1.0)
        name_axes(drawn.axes, columns)
    return Picture(drawn.markup, f"{alt}. Blue is above 0, orange below; full colour is 1.")


def _columns(run: Any) -> Table:
    kind = run.train.kind
    least = 1 if run.real_rows else KEPT
    x = run.held_out.spread(COMPARED)
    real = _said(_rows(kind, x), least)
    real |= {name: f"{share:.0%} in no training row" for name, share in _new(run, x).items()}
    said = {f"real, {run.others}": real}
    for name in run.model.priors:
        drawn = comparable(kind.columns, _drawn(run, COMPARED, name))
        said[f"from {TITLES.get(name, name)}"] = _said(drawn, 1)
    names = [column.name for column in kind.columns.columns]
    rows = [[name, *(table[name] for table in said.values())] for name in names]
    caption = "Each column: mean ± standard deviation, or the commonest values and their shares."
    return Table(caption, ["column", *said], rows, words=True)


def _said(table: Any, least: int) -> dict[str, str]:
    """What the columns of a `pyarrow.Table` have, in a few words each."""
    return {name: _column(table.column(name), least) for name in table.column_names}


def _column(column: Any, least: int) -> str:
    values = [value for value in column.to_pylist() if value is not None and value == value]
    missing = f"missing {1 - len(values) / len(column):.0%}" if len(values) < len(column) else ""
    numbers = as_numbers(column)
    common = [one for one in Counter(map(str, values)).most_common(COMMON) if one[1] >= least]
    if numbers is not None and len(set(values)) > COMMON:
        said = _mean(numbers[~np.isnan(numbers)], column.type)
    elif values and not common:
        said = f"{len(set(values))} values, none in {least} rows"
    else:
        said = ", ".join(f"{value} {n / len(column):.0%}" for value, n in common)
    return "; ".join(filter(None, (said, missing)))


def _mean(numbers: Float[np.ndarray, " n"], kind: Any) -> str:
    """Mean and standard deviation, of dates and times as such."""
    import pyarrow as pa

    mean, spread, day = numbers.mean(), numbers.std(), units_per_day(kind)
    if not day:
        return f"{_short(mean)} ± {_short(spread)}"
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return f"{_short(24 * mean / day)} ± {_short(24 * spread / day)} hours"
    when = np.datetime64(round(86_400 * mean / day), "s").item()
    written = f"{when:%Y-%m-%d}" if spread > 3 * day or day == 1 else f"{when:%Y-%m-%d %H:%M:%S}"
    return f"{written} ± {_short(spread / day)} days"


def _short(number: float) -> str:
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e9 else f"{number:.3g}"


def reconstructions(run: Any) -> list[Block]:
    """What comes out of held-out rows: how right each column is, or the rows themselves."""
    if run.real_rows:
        return written.reconstructions(run, squared_errors, "squared error per value")
    kind, x = run.train.kind, run.held_out.spread(COMPARED)
    both = [_rows(kind, one) for one in (x, run.model.reconstruct(x).cpu())]
    both = share([table.drop_columns([*_new(run, x)]) for table in both], kind.categories)
    caption = f"How {len(x):,} {run.others} rows come out of the model, by columns."
    rows = [[column.name, _right(column)] for column in both]
    return [*_unseen(run), Table(caption, ["column", "reconstructed"], rows, words=True)]


def _right(column: Shared) -> str:
    real, made = column.values
    if not column.is_number:
        return f"{np.mean(real == made):.1%} right"
    there = ~(np.isnan(real) | np.isnan(made))
    spread = np.nanstd(real) if there.any() else 0.0
    if not spread:
        return "nothing to compare: its values do not vary"
    error = np.sqrt(np.mean((real - made)[there] ** 2)) / spread
    return f"root mean square error {error:.2g} standard deviations"


def _unseen(run: Any) -> list[Block]:
    text = Text("No real rows are on this page, as it may go to others.")
    how = "entropae.report.write_model(model, train, held_out, real_rows=True)"
    if run.origin is not None:
        how = f"entropae report {shlex.quote(str(run.origin.folder))} --real-rows"
    return [text, Code("To show them", how)]


def interpolations(run: Any) -> list[Block]:
    """Decoded paths between the codes of drawn rows, or of held-out ones."""
    if run.real_rows:
        return written.interpolations(run)
    x = run.samples(2 * written.PATHS)
    between = run.model.interpolate(x[: written.PATHS], x[written.PATHS :], steps=6).cpu()
    return [
        Text("From the code of one drawn row to that of another, along the sphere, decoded."),
        *written.along(run.train.kind, between),
    ]


def nearest(run: Any) -> list[Block]:
    """What drawn rows tell of training rows."""
    rows = written.nearest(run, "between rows as the model sees them") if run.real_rows else []
    return [*_privacy(run), *rows]


def _privacy(run: Any) -> list[Block]:
    """Figures of privacy, of drawn rows and of held-out ones in their place."""
    columns = _shared(run) if run.has_held_out else None
    if columns is None:
        return [Text("Whether drawn rows are copies cannot be told: too few rows were held out.")]
    figures = privacy(columns, seed=run.seed)
    usual = real_privacy(columns, seed=run.seed)
    rows = [
        [
            m.title,
            f"{figures[key]:.3g}",
            f"{usual[key]:.3g}" if usual else "–",
            *(m.better, m.unit, m.said),
        ]
        for key, m in MEASURES.items()
        if key in figures
    ]
    caption = (
        "What drawn rows tell of training rows. Beside them real rows that the model has not seen, "
        "in place of drawn ones: what is no worse than these is no leak."
    )
    heads = ["figure", "drawn rows", "real rows", "better", "in", "what it is"]
    return [Table(caption, heads, rows, words=True)]
