"""The command that writes a page about a run."""

from __future__ import annotations

from jsonargparse import Namespace

from entropae.cli.parser import Commands, Parser


def _report_options(parser: Parser) -> None:
    parser.add_argument("run", type=str, help="A run folder made by entropae fit.")
    parser.add_argument("--out", type=str, help="The file; by default report.html in that folder.")


def _report(options: Namespace) -> None:
    from entropae.runs.run import Run

    print(f"Wrote {Run.open(options.run).report(options.out)}: open it in a browser.")


COMMANDS: Commands = {
    "report": (
        _report_options,
        _report,
        "Write a page that shows and tells a run: report.html.",
    )
}
