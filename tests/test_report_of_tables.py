"""What a report says of columns, dates among them, and of classes."""

from __future__ import annotations

import datetime as dt
import html
import re
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
import torch
from matplotlib.figure import Figure

import entropae as ea
from entropae.drawing.pictures import titles_of
from entropae.kinds.images.report import on_map
from entropae.kinds.reading import Reading
from entropae.kinds.tables.cells import NEW
from entropae.kinds.tables.comparison import share
from entropae.kinds.tables.evaluation import comparable
from entropae.kinds.tables.pictures import draw_marginal
from entropae.kinds.tables.report import _column
from entropae.kinds.text import Text
from entropae.recipe import ModelConfig
from entropae.report import write_model

N = 400
MONEY = ("netto", "steuer")
RNG = np.random.default_rng(0)
DAYS = [dt.date(2015, 1, 1) + dt.timedelta(days=int(d)) for d in RNG.permutation(N) * 7]
MEAN = dt.date(2015, 1, 1) + dt.timedelta(days=round(7 * (N - 1) / 2))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array(DAYS), f"{MEAN} ± 808 days"),
        (pa.array(DAYS).cast(pa.timestamp("us")), f"{MEAN} ± 808 days"),
        (
            pa.array(DAYS).cast(pa.timestamp("ns", "UTC")),
            f"{MEAN} ± 808 days",
        ),
        (pa.array([dt.time(h) for h in (6, 8, 10, 12)]), "9 ± 2.24 hours"),
        (pa.array([dt.timedelta(hours=h) for h in (6, 8, 10, 12)]), "9 ± 2.24 hours"),
        (pa.array([1000.0, 2000, 3000, 9_994, None]), "3,998 ± 3,533; missing 20%"),
        (pa.array([1, 2, 3, 4], pa.int8()), "2.5 ± 1.12"),
        (pa.array(["a", "a", "b", None]), "a 50%, b 25%; missing 25%"),
        (pa.nulls(4), "missing 100%"),
        (pa.array([None, None], pa.float64()), "missing 100%"),
        (pa.array([True, False]), "True 50%, False 50%"),
    ],
)
def test_columns_in_words(values, said):
    assert _column(pa.chunked_array([values]), 1) == said


def test_dates_are_on_the_axis_as_such():
    times = [dt.time(h) for h in RNG.integers(0, 24, N)]
    table = pa.table({"day": DAYS, "at": pa.array(DAYS).cast(pa.timestamp("ns")), "clock": times})
    for column in share([table] * 3):
        axes = Figure().subplots()
        draw_marginal(axes, column, ("red", "blue"))
        axes.figure.canvas.draw()
        labels = [one.get_text() for one in axes.get_xticklabels()]
        if column.name == "clock":
            assert axes.get_xlabel() == "hours"
            assert "10" in labels
        else:
            assert {"2016", "2018", "2020", "2022"} <= {*labels}


@pytest.mark.parametrize("day", [dt.date(9999, 12, 31), dt.date(1, 1, 1)])
def test_dates_that_stand_for_none_are_drawn(day):
    table = pa.table({"until": [*DAYS[: N // 2], *[day] * (N // 2)]})
    (column,) = share([table] * 3)
    axes = Figure().subplots()
    draw_marginal(axes, column, ("red", "blue"))
    axes.figure.canvas.draw()
    assert axes.get_xlabel() == "year"


def test_what_texts_write_is_compared_as_it_is():
    hours = RNG.permutation(N)
    written = {
        "clock": [f"{h % 24:02}:{h % 60:02}" for h in hours],
        "span": [f"{h // 24} days {h % 24:02}:00:00" for h in hours],
    }
    table = pa.table(written)
    model = ea.synthesize(table, model=ModelConfig(hidden=(8,)), epochs=1, progress=False)
    found = comparable(model.model.kind.columns, table)
    assert found.column("clock").to_pylist()[0] == dt.time(int(hours[0] % 24), int(hours[0] % 60))
    assert found.column("span").to_pylist()[0] == dt.timedelta(hours=int(hours[0]))
    assert _column(found.column("span"), 1).endswith(" hours")


def test_dates_of_texts_are_compared_as_dates():
    table = pa.table(
        {
            "day": [f"{day:%d.%m.%Y}" for day in DAYS],
            "at": [f"{day:%Y-%m-%d} 10:15" for day in DAYS],
            "name": [f"N-{i:04}" for i in range(N)],
            "x": RNG.standard_normal(N),
        }
    )
    model = ea.synthesize(table, model=ModelConfig(hidden=(8,)), epochs=1, progress=False)
    found = comparable(model.model.kind.columns, table)
    assert found.column_names == ["day", "at", "x"]
    assert found.column("day").to_pylist() == DAYS
    assert found.column("at").to_pylist()[0] == dt.datetime.combine(DAYS[0], dt.time(10, 15))


def test_identifiers_are_not_said_to_be_reconstructed(tmp_path):
    table = pa.table({"id": range(N), "x": RNG.standard_normal(N), "y": RNG.standard_normal(N)})
    made = ea.synthesize(table, model=ModelConfig(hidden=(8,)), epochs=1, progress=False)
    write_model(made.model, made.train, made.held_out, out=tmp_path / "report.html", progress=False)
    text = (tmp_path / "report.html").read_text("utf-8")
    section = text[text.index("come out of the model") :]
    rows = section[: section.index("</table>")]
    assert ">x</th>" in rows
    assert ">id</th>" not in rows


def test_classes_of_a_map_are_named_in_letters():
    names = ["Zürich", "北京", "<b>"] * 4
    picture = on_map(torch.rand(12, 1, 8, 8), RNG.standard_normal((12, 2)), "Map.", names)
    assert list(picture.legend) == sorted({*names})
    assert len({*picture.legend.values()}) == 3


def test_curves_of_texts_are_of_nats():
    assert titles_of(Text.errors) == {"reconstruction": "nats per sentence"}
    assert titles_of({"mean_squared_error": "Squared error per value"}) == {}


def tables_of(page: str) -> dict[str, list[dict[str, str]]]:
    """The rows of each table of a page, by the first words of its caption."""
    found = {}
    for one in re.findall(r"<table.*?</table>", page, re.DOTALL):
        caption = re.search(r"<caption.*?</caption>", one, re.DOTALL)
        cells = [
            [html.unescape(re.sub("<.*?>", "", c)) for c in re.findall(r"<t[dh].*?</t[dh]>", row)]
            for row in re.findall(r"<tr.*?</tr>", one, re.DOTALL)
        ]
        title = re.sub("<.*?>", "", caption[0]) if caption else ""
        found[title] = [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]
    return found


@pytest.mark.filterwarnings("ignore:Read as", "ignore:The column 'note' has values that no")
def test_rows_of_a_report_keep_rules_and_forms_and_invent_nothing(tmp_path):
    random, n = np.random.default_rng(0), 300
    first, days = dt.date(2024, 1, 1), random.integers(0, 300, (2, n))
    net, ids = random.integers(100, 9000, n), random.permutation(90_000)[:n] + 10_000
    notes = [" ".join(random.choice(["gut", "nie", "sehr", "oft"], 5)) for _ in range(n)]
    lines = ["id;von;bis;netto;steuer;note"]
    for i in range(n):
        begin = first + dt.timedelta(int(days[0, i]))
        end = begin + dt.timedelta(int(days[1, i] % 30))
        money = [f"{v / 100:.2f} €".replace(".", ",") for v in (net[i], round(net[i] * 0.2))]
        parts = [f"K-{ids[i]}", f"{begin:%d.%m.%Y}", f"{end:%d.%m.%Y}", *money]
        lines.append(";".join([*parts, notes[i]]))
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    made = ea.synthesize(tmp_path / "t.csv", epochs=3, validation=0.3, progress=False)
    held_out = made.model.kind.read_more(tmp_path / "t.csv", Reading())
    for real in (False, True):
        out = tmp_path / f"{real}.html"
        write_model(made.model, made.train, held_out, out=out, real_rows=real)
        found = tables_of(out.read_text())
        drawn = [rows for title, rows in found.items() if title.startswith("Samples from")]
        paths = [rows for title, rows in found.items() if title.startswith("Path")]
        assert len(drawn) >= 2
        assert len(paths) == 4
        for row in chain(*drawn, *paths):
            begin, end = (dt.datetime.strptime(row[name], "%d.%m.%Y") for name in ("von", "bis"))
            assert begin <= end
            net, tax = (float(row[name].removesuffix(" €").replace(",", ".")) for name in MONEY)
            assert tax == pytest.approx(net * 0.2, abs=0.00501)
        assert all(row["id"].startswith("K-") for row in chain(*drawn))
        assert all("id" not in row for row in chain(*paths))
        columns = next(rows for title, rows in found.items() if title.startswith("Each column"))
        said = {row["column"]: row["real, held-out"] for row in columns}
        assert re.fullmatch(r"\d\d% in no training row", said["note"])
    known = {row["note"] for row in found["Held-out rows."]}
    assert NEW in known
    assert known - {NEW} <= {*notes}
    assert all("id" not in row for row in found["Held-out rows."])
