"""What is wrong with an autoencoder: measured, judged, and said in plain words.

Each thing that can be wrong is a `Check` in `FINDINGS`: to add one, write its `judge`, a function
of the measurements, in one file, and name it there, causes before their consequences.

Whether there is anything at all is tested against the exact or simulated distribution of the
statistic for codes of N(0, I); how bad it is, its effect says. A displacement of samples is serious
where it is more than the model's own reconstruction error, and a warning from a tenth of that. What
befalls a share of samples is serious if it befalls most, and a warning from a tenth.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from entropae.diagnosis import codes, inputs, norms, outputs, radii, space, steps
from entropae.diagnosis.advice import Advice, advice
from entropae.diagnosis.causes import ordered
from entropae.diagnosis.dimension import Dimension, dimension_of_normal, intrinsic_dimension
from entropae.diagnosis.finding import Check, Finding, Severity, UnmeasuredError, Verdict
from entropae.diagnosis.measured import LEAST, Measured
from entropae.diagnosis.result import Diagnosis
from entropae.diagnosis.subject import Subject, of_functions

__all__ = [
    "FINDINGS",
    "Check",
    "Diagnosis",
    "Dimension",
    "Finding",
    "Severity",
    "Subject",
    "diagnose",
    "dimension_of_normal",
    "intrinsic_dimension",
    "of_functions",
]

FINDINGS: dict[str, Check] = {
    kind.name: kind
    for kind in (
        inputs.TRANSFORMED,
        inputs.UNREACHABLE,
        inputs.LOGITS,
        inputs.MIXED,
        inputs.LEAK,
        norms.DISAGREE,
        norms.SMALL_BATCH,
        steps.STEPS,
        outputs.COLLAPSE,
        outputs.COPIES,
        codes.CUT,
        codes.DEAD,
        codes.DUPLICATES,
        outputs.LATENT_SMALL,
        outputs.WEIGHT_LARGE,
        outputs.UNDERTRAINED,
        codes.SCALE,
        codes.CORRELATION,
        radii.TAILS,
        radii.SHELL,
        radii.RINGS,
        space.LATENT_LARGE,
        space.CLUSTERS,
        space.HOLES,
        space.WEIGHT_SMALL,
        outputs.OVERFITTING,
    )
}


@torch.no_grad()
def diagnose(
    subject: Subject,
    train: Float[Tensor, "n ..."],
    held_out: Float[Tensor, "m ..."] | None = None,
    *,
    progress: bool = True,
) -> Diagnosis:
    """Examine an autoencoder on training and on held-out samples.

    `Autoencoder.diagnose` is the short way; this one takes anything that encodes and decodes (see
    `of_functions`).

    Args:
        subject: What to examine, in evaluation mode.
        train: Samples that it was trained on. A few thousand are enough.
        held_out: Samples that it was not trained on. Without at least 20 the codes of `train` are
            examined, and over-fitting and copies cannot be told.
        progress: Show a bar.

    Returns:
        The findings: causes, the most important first, each followed by what it explains.

    Raises:
        TypeError: If the subject is none.
        ValueError: If there are fewer than 20 training samples, shapes differ, codes or outputs are
            not finite, or the decoder returns another shape.

    Examples:
        >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
        >>> halve = of_functions(lambda x: x / 2, lambda z: 2 * z, x)
        >>> found = diagnose(halve, x, progress=False)
        >>> [(finding.name, finding.severity.word) for finding in found.findings][:1]
        [('scale', 'serious')]
    """
    if not isinstance(subject, Subject):
        raise TypeError(
            f"`subject` must be a Subject: got {type(subject).__name__}. Of a model, call "
            "model.diagnose(train, held_out); of two functions, make one with of_functions."
        )
    rng = torch.get_rng_state()
    if held_out is not None and len(held_out) < LEAST:
        held_out = None
    try:
        measured = Measured(subject, train, held_out, tests=len(FINDINGS))
        _check(measured)
        verdicts: dict[str, Verdict] = {}
        sound, unmeasured = {}, {}
        bar = tqdm(FINDINGS.items(), "Examining", disable=not progress)
        for name, kind in bar:
            bar.set_postfix_str(kind.title)
            try:
                verdict = kind.judge(measured)
            except UnmeasuredError as error:
                unmeasured[name] = str(error)
                continue
            if verdict is None:
                sound[name] = kind.title
            else:
                verdicts[name] = verdict
        variance = max(measured.variance, torch.finfo(torch.float32).tiny)
        figures: dict[str, int | float] = {
            "samples": len(train),
            "held_out": len(held_out) if held_out is not None else 0,
            "dimensions": measured.dim,
            "error": measured.error / variance,
            "train_error": float(measured.train_errors.mean()) / variance,
            "linear_error": measured.linear_error(measured.dim) / variance,
            "intrinsic_dimension": measured.data_dimension.value,
            "far_samples": measured.far_drawn,
        }
        findings = tuple(
            _finding(name, verdicts[name], reason, measured)
            for name, reason in ordered(verdicts, FINDINGS).items()
        )
    finally:
        torch.set_rng_state(rng)
    return Diagnosis(findings, sound, unmeasured, figures)


def _finding(name: str, verdict: Verdict, reason: str, measured: Measured) -> Finding:
    check = FINDINGS[name]
    advised = advice(name, measured) or Advice(check.remedy)
    return Finding(
        name,
        check.title,
        verdict.severity,
        verdict.figure,
        verdict.value,
        verdict.threshold,
        advised.cause or check.cause,
        advised.text,
        reason,
        advised.settings,
        advised.prior,
    )


def _check(measured: Measured) -> None:
    train, test = measured.train, measured.test
    if train.shape[1:] != test.shape[1:]:
        raise ValueError(
            f"Held-out samples must have the training samples' shape {tuple(train.shape[1:])}: got "
            f"{tuple(test.shape[1:])}. Prepare both alike."
        )
    if len(train) < LEAST:
        raise ValueError(
            f"A diagnosis needs at least {LEAST} training samples: got {len(train)}. Give more."
        )
    if measured.variance == 0:
        raise ValueError("All samples are equal: nothing can be told. Give samples that differ.")
    for name, values in (("codes", measured.inferred), ("reconstructions", measured.again)):
        bad = ~torch.isfinite(values).flatten(1).all(1)
        if bad.any():
            raise ValueError(
                f"{int(bad.sum())} of {len(bad)} {name} are not finite: the weights are broken, or "
                "a batch normalisation has a negative variance. Train again, and look at the loss."
            )
    if not measured.moves.any():
        raise ValueError(
            "All codes are equal: the encoder says nothing of its input. Train again, with a "
            "smaller learning rate or less weight on the code's penalties, and look at the loss."
        )
    if measured.again.shape != measured.test_points.shape:
        raise ValueError(
            f"The decoder must return the samples' shape {tuple(test.shape[1:])}: got "
            f"{tuple(measured.again.shape[1:])}."
        )
