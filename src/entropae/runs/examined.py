"""The diagnosis of a run, kept in its folder until its model or its data change."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import entropae
from entropae.diagnosis import FINDINGS, Diagnosis, Finding, Severity
from entropae.kinds import identity
from entropae.messages import printable
from entropae.model import CONFIG, WEIGHTS
from entropae.recipe import RECIPE
from entropae.runs.files import LOG, portable
from entropae.runs.resuming import leaves
from entropae.storage.atomic import write_text
from entropae.storage.records import read_json

if TYPE_CHECKING:
    from entropae.runs.run import Run

KEPT = "diagnosis.json"
# What a diagnosis depends on.
FILES = (WEIGHTS, CONFIG, RECIPE, LOG, identity.DATA)


def examine(run: Run, *, n: int, prior: str, progress: bool) -> Diagnosis:
    """The diagnosis on the run's own data: as it was kept, or made anew and kept.

    Args:
        run: A finished run.
        n: At most so many samples of each set.
        prior: The one whose samples are examined.
        progress: Show a bar.
    """
    key = _key(run, n, prior)
    found = _kept(run.folder / KEPT, key)
    if found is None:
        others = run.held_out if run.recipe.validation else None
        found = run.examine(others, n=n, progress=progress)
        kept = {"key": key, **found.as_dict()}
        write_text(run.folder / KEPT, json.dumps(kept, indent=1) + "\n")
    return found


def settings(run: Run) -> dict[str, Any]:
    """What a run was trained with, by names with dots, and for how many epochs that came to be."""
    found = dict(leaves(portable(run.recipe)))
    rows = log(run)
    return found | ({"epochs": int(rows[-1]["epoch"])} if rows and "epoch" in rows[-1] else {})


def log(run: Run) -> list[dict[str, float]]:
    """The run's log, if it can be read."""
    try:
        return [dict(row) for row in run.log]
    except (OSError, ValueError):
        return []


def _key(run: Run, n: int, prior: str) -> str:
    """What is another as soon as the diagnosis would be."""
    digest = hashlib.blake2b(digest_size=16)
    said = [
        entropae.__version__,
        n,
        prior,
        sorted(run.model.priors),
        identity.identity(run.samples),
    ]
    digest.update(json.dumps(said, sort_keys=True).encode())
    for name in FILES:
        path = run.folder / name
        digest.update(f"\n{name}\n".encode())
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _kept(path: Path, key: str) -> Diagnosis | None:
    """What was kept under the key, if it is whole: the folder may be anybody's."""
    try:
        plain = read_json(path)
        if plain.pop("key") != key:
            return None
        findings = tuple(map(_finding, plain["findings"]))
        return Diagnosis(
            findings,
            {name: FINDINGS[name].title for name in plain["sound"]},
            {str(FINDINGS[name].name): printable(why) for name, why in plain["unmeasured"].items()},
            {printable(name): value + 0 for name, value in plain["figures"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _finding(plain: Mapping[str, Any]) -> Finding:
    """A finding whose words are the program's own, as far as they can be."""
    check = FINDINGS[plain["name"]]
    settings = dict(plain["settings"])
    if not all(re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", name) for name in settings):
        raise ValueError("its settings are none")
    cause = plain["follows_from"]
    return Finding(
        check.name,
        check.title,
        Severity[plain["severity"].upper()],
        printable(plain["figure"]),
        float(plain["value"]),
        float(plain["threshold"]),
        check.cause,
        printable(plain["remedy"]),
        FINDINGS[cause].name if cause else "",
        settings,
        printable(plain["prior"]),
    )
