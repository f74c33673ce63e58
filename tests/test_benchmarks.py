"""The benchmarks' commands, as `make bench` gives them."""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTED = subprocess.run(
    ["make", "-n", "bench", "DATA=data"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout
COMMANDS = re.findall(r"python (benchmarks/.*)", LISTED)


class ParsedError(Exception):
    """Options have been taken."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_benchmark_takes_the_options_that_it_is_called_with(command, monkeypatch):
    script, *options = shlex.split(command)
    if "argparse" not in (ROOT / script).read_text():
        assert not options
        return
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser, *given):
        parse(parser, *given)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    monkeypatch.setattr(sys, "argv", [script, *options])
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    try:
        with pytest.raises(ParsedError):
            runpy.run_path(str(ROOT / script), run_name="__main__")
    except ImportError as error:
        pytest.skip(f"needs {error.name}")
