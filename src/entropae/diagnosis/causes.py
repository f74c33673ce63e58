"""What explains what: findings as a graph, the causes in front."""

from __future__ import annotations

from collections.abc import Mapping

from entropae.diagnosis.finding import Check, Severity, Verdict


def ordered(verdicts: dict[str, Verdict], checks: Mapping[str, Check]) -> dict[str, str]:
    """Findings in the order in which to read them, each with the cause that explains it, or `""`.

    First the causes, by severity and then by effect, each followed by what it explains. One finding
    explains another if that was measured; or if it may bring the other with it and is at least as
    bad. A cause that was measured to explain another is at least as severe: `verdicts` is changed.
    """
    reasons = _measured(verdicts)
    for name, reason in _expected(verdicts, checks, reasons).items():
        reasons.setdefault(name, reason)
    for name in reasons:  # the reason of a reason is the better one
        while reasons[name] in reasons:
            reasons[name] = reasons[reasons[name]]

    def importance(name: str) -> tuple[int, float]:
        verdict = verdicts[name]
        return -verdict.severity, -verdict.value / verdict.threshold

    found: dict[str, str] = {}
    for cause in sorted(verdicts.keys() - reasons.keys(), key=importance):
        found[cause] = ""
        explained = [name for name, reason in reasons.items() if reason == cause]
        found |= dict.fromkeys(sorted(explained, key=importance), cause)
    return found


def _measured(verdicts: dict[str, Verdict]) -> dict[str, str]:
    """What was measured to follow from what; then a cause is at least as bad."""
    reasons: dict[str, str] = {}
    for name, verdict in verdicts.items():
        for other in set(verdict.explains or ()) & verdicts.keys():
            if _leads_back(name, other, reasons):
                continue
            reasons.setdefault(other, name)
            worst = max(verdicts[name].severity, verdicts[other].severity)
            verdicts[name] = verdicts[name]._replace(severity=worst)
    return reasons


def _expected(
    verdicts: Mapping[str, Verdict], checks: Mapping[str, Check], known: Mapping[str, str]
) -> dict[str, str]:
    """What may well follow from what is at least as bad."""
    order = list(checks)
    names = sorted(verdicts, key=lambda name: (-verdicts[name].severity, order.index(name)))
    reasons = dict(known)
    for name in names:
        if name in reasons or verdicts[name].severity is Severity.NOTE:
            continue
        explains = checks[name].explains
        for other in names if "*" in explains else [one for one in names if one in explains]:
            worse = verdicts[other].severity > verdicts[name].severity
            if other != name and not worse and not _leads_back(name, other, reasons):
                reasons.setdefault(other, name)
    return reasons


def _leads_back(cause: str, effect: str, reasons: Mapping[str, str]) -> bool:
    """Whether the cause itself follows from the effect."""
    while cause in reasons:
        cause = reasons[cause]
        if cause == effect:
            return True
    return False
