"""What a diagnosis returns: findings in order, and how they read."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from entropae.diagnosis.finding import Finding, Severity

COLOURS = {Severity.SERIOUS: "\033[1;31m", Severity.WARNING: "\033[33m", Severity.NOTE: "\033[2m"}
PLAIN = "\033[0m"


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with an autoencoder, causes first. `print` it.

    Attributes:
        findings: What was found: causes, the most important first, each followed by what it
            explains.
        sound: Titles of what was looked for and not found, by name.
        unmeasured: Why, by name, what could not be told.
        figures: Sizes of samples and code, and the errors, relative to the data's variance.
        run: The run's folder, if it is of one: then remedies are commands.
        priors: What has been fitted to the run's codes.
    """

    findings: tuple[Finding, ...]
    sound: dict[str, str]
    unmeasured: dict[str, str]
    figures: dict[str, int | float]
    run: str = ""
    priors: tuple[str, ...] = ()

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

    @property
    def causes(self) -> tuple[Finding, ...]:
        """The findings that no other one explains."""
        return tuple(one for one in self.findings if not one.follows_from)

    def explained(self, cause: Finding) -> tuple[Finding, ...]:
        """The findings that probably follow from one."""
        return tuple(one for one in self.findings if one.follows_from == cause.name)

    def commands(self, finding: Finding) -> list[str]:
        """What follows the remedy of a finding: commands, of a run; else calls, if any."""
        made = []
        if finding.prior and finding.prior in self.priors:
            made.append(f"entropae sample {shlex.quote(self.run)} --prior {finding.prior}")
        elif finding.prior:
            made.append(f'model.fit_prior(data, "{finding.prior}")')
        if self.run and finding.settings:
            options = [f"--{name} {_option(value)}" for name, value in finding.settings.items()]
            recipe = shlex.quote(f"{self.run}/recipe.yaml")
            out = shlex.quote(_unused(f"{self.run}-{finding.name.replace('_', '-')}"))
            made.append(f"entropae fit --recipe {recipe} --out {out} {' '.join(options)}")
        return made

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self)
        for finding in plain["findings"]:
            finding["severity"] = finding["severity"].word
        return plain

    def text(self, *, width: int = 88, colour: bool = False) -> str:
        """The findings as paragraphs, causes with what they explain."""
        counts = [sum(one.severity is s for one in self.findings) for s in reversed(Severity)]
        head = "{} serious, {} to watch, {} noted; {} others looked for and not found."
        parts = [head.format(*counts, len(self.sound))]
        parts += [self._paragraph(one, width, colour) for one in self.causes]
        if self.unmeasured:
            reasons = "; ".join(f"{name} ({why})" for name, why in self.unmeasured.items())
            parts.append(textwrap.fill(f"Not told: {reasons}.", width))
        return "\n\n".join(parts)

    def _paragraph(self, finding: Finding, width: int, colour: bool) -> str:
        head = f"{finding.severity.word.upper()}: {finding.title}"
        if colour:
            head = f"{COLOURS[finding.severity]}{head}{PLAIN}"
        lines = [head, _indented(sentence(finding.figure), width)]
        if finding.severity is Severity.NOTE and not self.explained(finding):
            return "\n".join(lines)
        lines.append(_indented(f"Probable cause: {finding.cause}", width))
        lines.append(_indented(f"Remedy: {finding.remedy}", width))
        # Not folded: it is to be copied.
        lines += [f"    {command}" for command in self.commands(finding)]
        explained = self.explained(finding)
        if explained:
            lines.append("  This probably explains:")
        lines += [
            _indented(f"- {one.title} ({one.severity.word}): {one.figure}.", width, hanging=2)
            for one in explained
        ]
        return "\n".join(lines)

    def _said(self, finding: Finding) -> dict[str, str]:
        """What is said of a finding, by label: first its figure, which has none."""
        said = {"": sentence(finding.figure)}
        if finding.follows_from:
            return said | {"Probably because of:": f"{self[finding.follows_from].title}."}
        said |= {"Probable cause:": finding.cause, "Remedy:": finding.remedy}
        commands = self.commands(finding)
        return said | ({"Command:": "; ".join(commands)} if commands else {})

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from entropae.notebook import findings, shown

        blocks = [(one.severity.word, one.title, self._said(one)) for one in self.findings]
        said = self.text(width=1_000_000).split("\n\n")
        return findings(said[0], blocks) + (f"<p>{shown(said[-1])}</p>" if self.unmeasured else "")


def _unused(folder: str) -> str:
    """A name of a folder that is not there yet."""
    names = (folder, *(f"{folder}-{i}" for i in range(2, 1000)))
    return next((name for name in names if not Path(name).exists()), folder)


def sentence(figure: str) -> str:
    """What was measured, as a sentence."""
    return f"{figure[0].upper()}{figure[1:]}."


def _indented(text: str, width: int, *, hanging: int = 0) -> str:
    after = "  " + " " * hanging
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent=after)


def _option(value: Any) -> str:
    """A setting as an option's value, for a shell."""
    return shlex.quote(str(value) if isinstance(value, str) else json.dumps(value))
