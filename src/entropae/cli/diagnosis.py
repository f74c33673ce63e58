"""The command that says what is wrong with a trained model."""

from __future__ import annotations

import os
import sys

from jsonargparse import Namespace

from entropae.cli.opened import add_run_and_data, opened
from entropae.cli.parser import Commands, Parser


def _diagnose_options(parser: Parser) -> None:
    add_run_and_data(parser)
    parser.add_argument(
        "--data", type=str, help="Samples to examine it on; by default the held-out ones."
    )
    parser.add_argument("-n", "--number", type=int, default=2000, help="At most so many samples.")
    parser.add_argument("--prior", type=str, help="Examine samples of this one: normal, mixture.")
    parser.add_argument("--json", action="store_true", help="Print it as JSON.")


def _diagnose(options: Namespace) -> None:
    import json

    run = opened(options)
    found = run.diagnose(options.data, n=options.number, prior=options.prior)
    if options.json:
        print(json.dumps(found.as_dict(), indent=2))
    else:
        print(found.text(colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))


COMMANDS: Commands = {
    "diagnose": (
        _diagnose_options,
        _diagnose,
        "Say what is wrong with a model, why, and what to do.",
    )
}
