"""Commands that show a latent space in a browser, and that write models for other programs."""

from __future__ import annotations

import sys
from pathlib import Path

from jsonargparse import Namespace

from entropae.cli.opened import add_run_and_data, opened
from entropae.cli.parser import Commands, Parser
from entropae.storage.atomic import check_out


def _explore_options(parser: Parser) -> None:
    add_run_and_data(parser)
    parser.add_argument("--host", type=str, default="127.0.0.1", help="Address to listen at.")
    parser.add_argument("--port", type=int, default=8765, help="0 for any that is free.")
    parser.add_argument(
        "-n", "--number", type=int, default=20_000, help="At most so many training samples."
    )


def _export_options(parser: Parser) -> None:
    add_run_and_data(parser)
    parser.add_argument("--out", type=str, help="A folder; by default RUN/export.")
    parser.add_argument(
        "-n", "--number", type=int, default=1000, help="Training samples in explorer.html."
    )


def _explore(options: Namespace) -> None:
    try:
        from entropae.explorer.server import is_loopback, serve
    except ImportError as error:
        raise ImportError(
            'The explorer needs starlette and uvicorn: pip install "entropae[explore]".'
        ) from error
    if not is_loopback(options.host):
        print(
            f"Warning: at {options.host} everybody on the network can see this model and its "
            "training samples. There is no password.",
            file=sys.stderr,
        )
    serve(opened(options).space(options.number), options.host, options.port)


def _export(options: Namespace) -> None:
    from entropae.explorer.export import check_extras, export

    out = Path(options.out or Path(options.run) / "export")
    check_extras()
    check_out(out, folder=True)
    space = opened(options).space(options.number)
    for path in export(space, out):
        print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB).")
    print(
        f"explorer.html opens in a browser without a network. It has {len(space.on_map)} training "
        "samples and their codes in it: mind who gets it."
    )


COMMANDS: Commands = {
    "explore": (_explore_options, _explore, "Look around in the latent space, in a browser."),
    "export": (
        _export_options,
        _export,
        "Write encoder and decoder as ONNX, and an explorer in one HTML file.",
    ),
}
