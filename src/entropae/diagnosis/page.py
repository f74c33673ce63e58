"""The page on troubleshooting, from the registry: `python -m entropae.diagnosis.page`."""

from __future__ import annotations

import sys

from entropae.diagnosis import FINDINGS
from entropae.diagnosis.finding import LEVEL, MOST, NEGLIGIBLE, Check

HEAD = f"""# Troubleshooting

`entropae diagnose RUN`, or `print(model.diagnose(data, held_out))`, measures a trained autoencoder
and says what is wrong with it, why, and what to do. It works on any pair of networks, also on two
callables: `entropae.diagnosis.diagnose(of_functions(encode, decode, x), x, held_out)`.
These are all its findings. This page is made from the code that judges them.

**Is there anything?** A statistic of the codes is compared with its distribution for as many codes
of N(0, I) in as many dimensions, exact where there is one, else simulated. A model without fault
gets any finding that is such a test with a chance of about {LEVEL:.0%}, all tests together.

**Does it matter?** What is certain may be harmless. How bad a finding is, is its effect:

- A fault that moves samples, or spoils reconstructions, is measured through the decoder, as a
  squared error over the model's own error on held-out samples (but at least {NEGLIGIBLE**2:g} of
  the data's variance: a tenth in amplitude). It is **serious** from 1, where it is as large as what
  the model gets wrong anyway, and a **warning** from {NEGLIGIBLE:g}. Below, it is a **note**.
- What befalls a share of the samples is serious if it befalls more than {MOST:.0%} of them, a
  warning from {NEGLIGIBLE:.0%}. *Far* is a sample whose code is farther from every training code
  than 99 % of held-out codes are. That shows holes larger than the distance between codes where
  these are sparse; finer ones lower the entropy.
- Reconstruction is set against principal components, the best linear autoencoder, on the same
  held-out samples.
- For sentences, a code decodes to the probabilities of the tokens of a held-out sentence,
  each given those before it, so a squared error is Brier's score. The decoder knows the tokens
  before, principal components do not: by them alone a decoder of sentences is seldom blamed.

Causes come first, the most severe in front, each with what it probably explains below it; remedies
are for causes. A cause that was measured to account for another finding is at least as severe. What
cannot be told from the data given is listed with the reason.

Remedies go by what the model has: of a run they end in the command that follows them. What
following them did, on models with two faults each, is in
[the benchmarks](benchmarks.md#remedies). A run's diagnosis is kept in `diagnosis.json` until its
model or its data change; `entropae report` shows the same one.
"""


def page() -> str:
    """All findings as a Markdown page."""
    return "\n".join([HEAD, *(_section(check) for check in FINDINGS.values())])


def _section(check: Check) -> str:
    named = [f"*{FINDINGS[name].title.lower()}*" for name in FINDINGS if name in check.explains]
    lines = [
        f"## {check.title}",
        "",
        f"`{check.name}`. {check.meaning}",
        "",
        f"- **Measured:** {check.how}",
        f"- **Probable cause:** {check.cause}",
        f"- **Remedy:** {check.remedy}",
    ]
    if "*" in check.explains:
        lines.append("- **May bring with it:** any other.")
    elif named:
        lines.append(f"- **May bring with it:** {', '.join(named)}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
