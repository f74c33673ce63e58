"""What comes out of a training that a signal has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT

from entropae.signals import AtOnce, Stopped
from entropae.training.checkpoints import CHECKPOINT, Halt


@contextmanager
def stopped(folder: Path | None, epochs: int) -> Iterator[None]:
    """Inside, whatever of Lightning's or ours ends training for a signal becomes a `Stopped`."""
    try:
        yield
    except Halt as halt:
        where = f"Stopped at epoch {halt.epoch} of {epochs}, after a whole step. "
        raise Stopped(halt.number, where + _left(folder), epoch=halt.epoch) from None
    except AtOnce as signal:
        raise Stopped(signal.number, "Stopped at once. " + _left(folder)) from None
    except SystemExit as end:  # Lightning makes one of a KeyboardInterrupt
        cause = end.__context__
        if not isinstance(cause, KeyboardInterrupt):
            raise
        number = cause.number if isinstance(cause, Stopped) else SIGINT
        raise Stopped(number, "Stopped at once. " + _left(folder)) from cause


def _left(folder: Path | None) -> str:
    """What a training that was stopped leaves, and how it goes on."""
    model = "The model is in evaluation mode; its running statistics lag (model.calibrate(batches))"
    kept = folder is not None and (folder / CHECKPOINT).is_file()
    return model + (
        f". Go on with fit(…, folder={str(folder)!r}, resume=True)."
        if kept
        else "; nothing was written. Give a `folder` to go on another time."
    )
