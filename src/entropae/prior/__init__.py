"""Distributions of the code that samples are drawn from: N(0, I), or fitted after training."""

from entropae.prior.base import Prior
from entropae.prior.flow import Flow
from entropae.prior.flow_matching import FlowMatching
from entropae.prior.gaussian import Full, Mixture, Normal
from entropae.prior.names import (
    ALIASES,
    BARE,
    HEADS,
    PRIORS,
    TITLES,
    Head,
    canonical,
    fitted,
    make_head,
    make_prior,
)
from entropae.prior.two_stage import TwoStage

__all__ = [
    "ALIASES",
    "BARE",
    "HEADS",
    "PRIORS",
    "TITLES",
    "Flow",
    "FlowMatching",
    "Full",
    "Head",
    "Mixture",
    "Normal",
    "Prior",
    "TwoStage",
    "canonical",
    "fitted",
    "make_head",
    "make_prior",
]
