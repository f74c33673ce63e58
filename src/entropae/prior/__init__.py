"""Laws of the code that samples are drawn from: N(0, I), or fitted after training."""

from entropae.prior.base import Prior
from entropae.prior.flow import Flow
from entropae.prior.gaussian import Full, Mixture, Normal
from entropae.prior.two_stage import TwoStage

PRIORS: dict[str, type[Prior]] = {
    "normal": Normal,
    "full": Full,
    "mixture": Mixture,
    "flow": Flow,
    "two-stage": TwoStage,
}

__all__ = ["PRIORS", "Flow", "Full", "Mixture", "Normal", "Prior", "TwoStage"]
