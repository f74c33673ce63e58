"""The command that writes a page about a run."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import Namespace

from entropae.cli.opened import add_run_and_data, opened, read_by
from entropae.cli.parser import Commands, Parser
from entropae.storage.atomic import check_out


def _report_options(parser: Parser) -> None:
    add_run_and_data(parser)
    parser.add_argument("--out", type=str, help="The file; by default report.html in that folder.")
    parser.add_argument(
        "--real-rows",
        action="store_true",
        help="For tables: show rows of the data too. Without it, none is in the page.",
    )


def _report(options: Namespace) -> None:
    run = opened(options)
    if options.out is not None:
        check_out(Path(options.out), read=read_by(options, run))
        if Path(options.out).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"`--out` must end in .html: got {options.out}.")
    page = run.report(options.out, real_rows=options.real_rows)
    print(f"Wrote {page}: open it in a browser.")


COMMANDS: Commands = {
    "report": (
        _report_options,
        _report,
        "Write a page that shows and tells a run: report.html.",
    )
}
