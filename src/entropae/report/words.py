"""Sections in words and figures: what the run is, what is wrong, and how to make it again."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

import entropae
from entropae.diagnosis.finding import Severity
from entropae.drawing.blocks import Block, Code, Facts, Findings, Table, Text
from entropae.kinds import Kind, directions
from entropae.kinds.measures import BLUR, VALUES, titled
from entropae.messages import printable
from entropae.metrics.summary import summary
from entropae.prior.names import drawn_from
from entropae.recipe import RECIPE
from entropae.report.trained import Trained
from entropae.storage.records import read_json

RIVALS = "results.json"


def subtitle(run: Trained) -> str:
    """What the page is."""
    if run.origin is None:
        return "Report of a trained autoencoder."
    date = run.metrics.get("date")
    when = f", finished on {date}" if date else ""
    return f"Report of the training run in {printable(run.origin.folder)}{when}."


def about(run: Trained) -> list[Block]:
    """What model, which data, how large, and the figures that matter."""
    model, metrics = run.model, run.metrics
    latent = type(model.latent).__name__
    text = (
        f"An autoencoder with the latent {latent} in {model.latent.dim} dimensions, trained on "
        f"{len(run.train):,} {run.things} of {run.train.kind.describe_size()}"
    )
    text += f" from {printable(run.origin.settings['data'])}; " if run.origin else "; "
    text += f"{len(run.held_out):,} more" if run.has_held_out else "none"
    text += " were held out."
    if "steps" in metrics:
        text += f" It took {_number(metrics['steps'])} steps"
        text += f" in {_number(metrics.get('epochs'))} passes over the data"
        text += f" and {_number(metrics['seconds'])} seconds." if "seconds" in metrics else "."
    return [Text(text), Text(_verdict(run)), Facts(_figures(run))]


def _verdict(run: Trained) -> str:
    if isinstance(run.diagnosis, str):
        return f"It could not be examined: {run.diagnosis}"
    counts = [
        (sum(one.severity is severity for one in run.diagnosis.findings), word)
        for severity, word in (
            (Severity.SERIOUS, "serious"),
            (Severity.WARNING, "to watch"),
            (Severity.NOTE, "noted"),
        )
    ]
    said = ", ".join(f"{count} {word}" for count, word in counts)
    if not run.diagnosis.findings:
        return "The diagnosis found nothing wrong."
    first = run.diagnosis.causes[0]
    text = f"The diagnosis: {said}. First: {first.title.lower()}"
    explained = len(run.diagnosis.explained(first))
    if explained:
        text += f", which probably explains {explained} of the others"
    if first.severity is not Severity.NOTE:
        text += f". {first.remedy.rstrip('.')}"
    return f"{text}."


def _figures(run: Trained) -> list[tuple[str, str]]:
    model = run.model
    parts = {"encoder": model.encoder, "decoder": model.decoder}
    facts = [
        (f"Parameters, {name}", f"{sum(p.numel() for p in part.parameters()):,}")
        for name, part in parts.items()
    ]
    for name, title in (("train", "training"), ("validation", run.others)):
        found = _within(run.metrics, name)
        if found and (name == "train" or run.has_held_out):
            facts += [
                (f"{said}, {title}", _number(found[key]))
                for key, said in run.train.kind.errors.items()
                if key in found
            ]
    if not isinstance(run.diagnosis, str):
        figures = run.diagnosis.figures
        facts += [
            (f"Error, {run.others}, share of the data's variance", _share(figures["error"])),
            (
                f"The same of {figures['dimensions']} principal components",
                _share(figures["linear_error"]),
            ),
            ("Intrinsic dimension of the data, about", _number(figures["intrinsic_dimension"])),
            ("Samples far from any code", _share(figures["far_samples"])),
        ]
    code = _within(_within(run.metrics, "validation"), "code")
    if code:
        facts += [
            (
                "Entropy of the code, nats per dimension (N(0, I) by the same estimator)",
                f"{_number(code.get('entropy'))} ({_number(code.get('entropy_normal'))})",
            ),
            (
                "Spread of ‖z‖ (of N(0, I))",
                f"{_number(code.get('norm_spread'))} ({_number(code.get('norm_spread_normal'))})",
            ),
        ]
    return facts


def diagnosis(run: Trained) -> list[Block]:
    """What is wrong, why, and what to do."""
    if isinstance(run.diagnosis, str):
        return [Text(f"This run could not be examined: {run.diagnosis}")]
    return [Findings(run.diagnosis)]


def rivals(run: Trained) -> list[Block]:
    """What was measured by `evaluate` and `compare`."""
    if run.origin is None:
        return []
    blocks: list[Block] = []
    for path in sorted(run.origin.folder.glob("evaluation-*.json")):
        try:
            blocks += evaluated(path, run.train.kind)
        except (ValueError, OSError) as error:
            blocks.append(Text(printable(error)))
    # `compare` keeps the runs of a recipe in a folder of its name.
    own = run.origin.folder.absolute().parent
    if (own.parent / RIVALS).is_file():
        try:
            blocks.append(compared(own.parent / RIVALS, own.name, run.train.kind))
        except (ValueError, OSError) as error:
            blocks.append(Text(printable(error)))
    if not blocks:
        blocks.append(
            Text(
                Markup(
                    "Nothing else has been measured. <code>entropae evaluate</code> compares "
                    "samples with held-out data, <code>entropae compare</code> trains rivals "
                    "beside this recipe; a report made after that has their tables."
                )
            )
        )
    return blocks


def evaluated(path: Path, kind: Kind) -> list[Table]:
    """What `entropae evaluate` has measured, and of each class.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it has no such measurements.
    """
    found = read_json(path)
    measures = kind.measures
    rows = [
        [drawn_from(name), *(_number(figures.get(measure, "–")) for measure in measures)]
        for name, figures in found.items()
        if isinstance(figures, Mapping) and next(iter(measures)) in figures
    ]
    if not rows:
        raise ValueError(f"{path} is damaged: it has no figures. Remove it.")
    if any(measure.said for measure in measures.values()):
        return [measured(found, kind)]
    features = str(found.get("features"))
    by = "" if features in (*VALUES, "None") else f" by features of {features},"
    about = f" {BLUR}" if features == "pixels" else ""
    caption = f"Measured{by} on {_number(found.get('samples'))} held-out {kind.things}.{about}"
    titles = ["measured", *(titled(measure, features) for measure in measures.values())]
    tables = [Table(caption, titles, rows)]
    classes = found.get("per_class")
    return tables if not classes else [*tables, _per_class(path, classes, kind, features)]


def _per_class(path: Path, classes: Any, kind: Kind, features: str) -> Table:
    try:
        known = {key: one for key, one in kind.measures.items() if any(key in c for c in classes)}
        rows = [
            [str(c["label"]), _number(c["samples"]), *(_number(c.get(key, "–")) for key in known)]
            for c in classes
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error!r} in `per_class`. Remove it.") from error
    columns = ["class", "held out", *(titled(measure, features) for measure in known.values())]
    return Table("Samples of each class, against held-out ones of it.", columns, rows)


def measured(found: Mapping[str, Any], kind: Kind) -> Table:
    """Figures that need words: a row each, and a column for each thing measured."""
    first = next(iter(kind.measures))
    of = {name: f for name, f in found.items() if isinstance(f, Mapping) and first in f}
    rows = [
        [m.title, *(_figure(one.get(key)) for one in of.values()), m.better, m.unit, m.said]
        for key, m in kind.measures.items()
        if any(key in one for one in of.values())
    ]
    return Table(
        f"Measured on {_number(found.get('samples'))} held-out {kind.things}.",
        ["figure", *map(drawn_from, of), "better", "in", "what it is"],
        rows,
        words=True,
    )


def _figure(value: Any) -> str:
    is_known = isinstance(value, int | float) and not math.isnan(value)
    return _number(value) if is_known else "–"


def compared(path: Path, own: str, kind: Kind) -> Table:
    """What `entropae compare` has measured, with the row of one recipe set off.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it has no such measurements.
    """
    results = read_json(path)
    try:
        rows = [summary(name, found) for name, found in results.items()]
        features = next(iter(results.values()))[0].get("features")
        return _rivals(rows, own, features, kind)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ValueError(
            f"{path} is damaged: it is no comparison ({error!r}). Remove it."
        ) from error


def _rivals(rows: Sequence[Mapping[str, Any]], own: str, features: Any, kind: Kind) -> Table:
    measure, first = next(iter(kind.measures.items()))
    parts = [key.removesuffix(f" {measure}") for key in rows[0] if key.endswith(f" {measure}")]
    columns = {key: words.lower() for key, words in kind.errors.items() if key in rows[0]}
    columns |= {f"{part} {measure}": f"{first.title}, {drawn_from(part)}" for part in parts}
    columns |= {"code norm_spread": "spread of ‖z‖", "seconds": "seconds"}
    columns = {key: words for key, words in columns.items() if key in rows[0]}
    by = f", measured by features of {features}" if features else ""
    return Table(
        f"Rivals trained in the same way, {rows[0]['seeds']} seeds each (mean ± standard "
        f"deviation){by}. {directions({measure: kind.measures[measure]})}",
        ["recipe", *columns.values()],
        [
            [
                f"{row['recipe']} (this one)" if row["recipe"] == own else str(row["recipe"]),
                *(_with_deviation(row, key) for key in columns),
            ]
            for row in rows
        ],
        marked=next((i for i, row in enumerate(rows) if row["recipe"] == own), None),
    )


def _with_deviation(row: Mapping[str, Any], key: str) -> str:
    deviation = row.get(f"{key} sd", math.nan)
    said = _number(row.get(key))
    return said if math.isnan(deviation) else f"{said} ± {deviation:.2g}"


def again(run: Trained) -> list[Block]:
    """The recipe, and the commands that make this run and its pictures again."""
    if run.origin is None:
        return []
    folder = shlex.quote(str(run.origin.folder))
    recipe = shlex.quote(str(run.origin.folder / RECIPE))
    suffix = run.train.kind.suffix
    commands = [
        f"entropae fit --recipe {recipe} --out runs/again",
        f"entropae report {folder}",
        f"entropae diagnose {folder}",
        *(
            f"entropae sample {folder} --prior {name} --seed {run.seed} --out {name}{suffix}"
            for name in run.model.priors
        ),
        f"entropae evaluate {folder}",
    ]
    versions = _within(run.metrics, "versions")
    facts = [("Seed", str(run.seed))]
    facts += [
        ("Machine" if name == "machine" else f"Version of {name}", str(value))
        for name, value in versions.items()
    ]
    facts.append(("This report's version of entropae", entropae.__version__))
    if "date" in run.metrics:
        facts.append(("Trained on", str(run.metrics["date"])))
    return [
        Text(
            "With this recipe, and the same data and versions on the same kind of machine, the "
            "same model comes out."
        ),
        Code("Recipe", yaml.safe_dump(run.origin.settings, sort_keys=False)),
        Code("Commands", "\n".join(commands) + "\n"),
        Facts(facts),
        *_left_out(run),
    ]


def _left_out(run: Trained) -> list[Block]:
    files, steps = run.train.skipped, run.metrics.get("skipped_steps")
    blocks: list[Block] = []
    if run.train.others:
        blocks.append(Text(f"Left out: {run.train.others}."))
    if files:
        blocks.append(Code("Left out", "\n".join(map(printable, files[:50]))))
        if len(files) > 50:
            blocks.append(Text(f"And {len(files) - 50:,} more."))
    if isinstance(steps, int) and steps:
        blocks.append(Text(f"{steps} training steps that were not finite were left out."))
    return blocks


def _within(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = found.get(name)
    return inner if isinstance(inner, Mapping) else {}


def _number(value: Any) -> str:
    if value == "–":  # not measured, as is meant
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "unknown"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
