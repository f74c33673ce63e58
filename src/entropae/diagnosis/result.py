"""What a diagnosis returns: findings in order, and how they read."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from entropae.diagnosis.finding import Finding, Severity

COLOURS = {Severity.SERIOUS: "\033[1;31m", Severity.WARNING: "\033[33m", Severity.NOTE: "\033[2m"}
PLAIN = "\033[0m"


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with an autoencoder, most important first. `print` it.

    Attributes:
        findings: What was found.
        sound: Titles of what was looked for and not found, by name.
        unmeasured: Why, by name, what could not be told.
        figures: Sizes of samples and code, and the errors, relative to the data's variance.
    """

    findings: tuple[Finding, ...]
    sound: dict[str, str]
    unmeasured: dict[str, str]
    figures: dict[str, int | float]

    @property
    def serious(self) -> tuple[Finding, ...]:
        """The findings that spoil samples or reconstructions."""
        return tuple(one for one in self.findings if one.severity is Severity.SERIOUS)

    def __getitem__(self, name: str) -> Finding:
        """A finding by its name.

        Raises:
            KeyError: If it was not found.
        """
        return {one.name: one for one in self.findings}[name]

    def __contains__(self, name: object) -> bool:
        return any(one.name == name for one in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self)
        for finding in plain["findings"]:
            finding["severity"] = finding["severity"].word
        return plain

    def text(self, *, width: int = 88, colour: bool = False) -> str:
        """The findings as paragraphs."""
        titles = {one.name: one.title for one in self.findings}
        parts = [_paragraph(one, titles, width, colour) for one in self.findings]
        counts = [sum(one.severity is s for one in self.findings) for s in reversed(Severity)]
        parts.insert(0, "{} serious, {} to watch, {} noted; {} others looked for and not found.")
        parts[0] = parts[0].format(*counts, len(self.sound))
        if self.unmeasured:
            reasons = "; ".join(f"{name} ({why})" for name, why in self.unmeasured.items())
            parts.append(textwrap.fill(f"Not told: {reasons}.", width))
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from entropae.notebook import findings

        titles = {one.name: one.title for one in self.findings}
        blocks = [(one.severity.word, one.title, _said(one, titles)) for one in self.findings]
        said = self.text(width=1_000_000).split("\n\n")
        return findings(said[0], blocks) + (f"<p>{escape(said[-1])}</p>" if self.unmeasured else "")


def _paragraph(finding: Finding, titles: dict[str, str], width: int, colour: bool) -> str:
    head = f"{finding.severity.word.upper()}: {finding.title}"
    if colour:
        head = f"{COLOURS[finding.severity]}{head}{PLAIN}"
    body = [
        textwrap.fill(
            f"{label} {text}".lstrip(), width, initial_indent="  ", subsequent_indent="  "
        )
        for label, text in _said(finding, titles).items()
    ]
    return "\n".join([head, *body])


def _said(finding: Finding, titles: dict[str, str]) -> dict[str, str]:
    """What is said of a finding, by label: first its figure, which has none."""
    lines = {"": f"{finding.figure[0].upper()}{finding.figure[1:]}."}
    if finding.follows_from:
        return lines | {"Probably because of:": f"{titles[finding.follows_from]}."}
    return lines | {"Probable cause:": finding.cause, "Remedy:": finding.remedy}
