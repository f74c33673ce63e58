"""Priors by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from entropae.messages import unknown
from entropae.prior.base import Prior
from entropae.prior.flow import Flow
from entropae.prior.flow_matching import FlowMatching
from entropae.prior.gaussian import Full, Mixture, Normal
from entropae.prior.two_stage import TwoStage
from entropae.registry import build

PRIORS: dict[str, type[Prior]] = {
    "normal": Normal,
    "full": Full,
    "mixture": Mixture,
    "flow-matching": FlowMatching,
    "flow": Flow,
    "two-stage": TwoStage,
}
# Those that are maps of N(0, I), and so can be a model's head.
Head = Full | FlowMatching
HEADS: dict[str, type[Head]] = {"flow-matching": FlowMatching, "full": Full}
# Other names that people know them by.
ALIASES = {
    "gaussian": "full",
    "mvg": "full",
    "gmm": "mixture",
    "standard-normal": "normal",
    "fm": "flow-matching",
}

# N(0, I) where there is a head, but not through it.
BARE = "normal-without-head"

TITLES = {
    BARE: "N(0, I) without the head",
    "normal": "N(0, I)",
    "full": "the fitted Gaussian",
    "mixture": "the mixture",
    "flow-matching": "flow matching",
    "flow": "the flow",
    "two-stage": "the second stage",
}


def drawn_from(name: str) -> str:
    """What has been measured under a name: samples from a prior, or something else.

    Examples:
        >>> drawn_from("mixture"), drawn_from("training samples")
        ('samples from the mixture', 'training samples')
    """
    return f"samples from {TITLES[name]}" if name in TITLES else name


def canonical(name: str) -> str:
    """The name under which a prior is kept.

    Examples:
        >>> canonical("gaussian"), canonical("mixture")
        ('full', 'mixture')
    """
    return ALIASES.get(name, name)


def check_names(names: Iterable[str]) -> None:
    """Raise unless there are priors of these names.

    Raises:
        ValueError: Naming the first that is unknown, and those that there are.
    """
    for name in names:
        if canonical(name) not in PRIORS:
            raise ValueError(unknown("prior", name, [*PRIORS, *ALIASES]))


def fitted(name: str, priors: Mapping[str, Prior]) -> str:
    """The name under which a fitted prior is kept, given that name or another one of it.

    Args:
        name: As users say it, e.g. `"gaussian"`.
        priors: Those that have been fitted, by the names that they are kept under.

    Raises:
        ValueError: If there is no such prior, or it has not been fitted.
    """
    found = name if name in priors else canonical(name)
    if found in priors:
        return found
    if found not in PRIORS:
        raise ValueError(unknown("prior", name, {*priors, *PRIORS, *ALIASES}))
    raise ValueError(
        f"The prior {found!r} has not been fitted (fitted: {', '.join(priors)}). "
        f'Call model.fit_prior(data, "{found}") first.'
    )


def make_head(head: str | Head, dim: int) -> Head:
    """A head made by name, or one as it is.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither a name nor a map.
    """
    if isinstance(head, str):
        head = canonical(head)
        if head not in HEADS:
            raise ValueError(unknown("head", head, HEADS))
        return build(HEADS, {"name": head, "dim": dim}, "head")
    if not isinstance(head, Head):
        raise TypeError(
            f"`head` must be a name ({', '.join(HEADS)}), a FlowMatching or a Full: got "
            f"{type(head).__name__}."
        )
    return head


def make_prior(prior: str | Prior, dim: int) -> tuple[str, Prior]:
    """A prior and the name that it is kept under: made by name, or one of any class.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither a name nor a prior.
    """
    if isinstance(prior, str):
        name = canonical(prior)
        if name not in PRIORS:
            raise ValueError(unknown("prior", prior, {*PRIORS, *ALIASES}))
        return name, build(PRIORS, {"name": name, "dim": dim}, "prior")
    if not isinstance(prior, Prior):
        raise TypeError(
            f"`prior` must be a name ({', '.join(PRIORS)}) or a Prior: got {type(prior).__name__}."
        )
    named = (name for name, known in PRIORS.items() if type(prior) is known)
    return next(named, type(prior).__name__.lower()), prior
