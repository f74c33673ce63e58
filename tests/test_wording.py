"""What measuring commands advise is in their options, and works as it is printed."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pandas as pd
import pytest

from entropae.cli import main

N = 300
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, N))
TABLE = {
    "a": X,
    "b": Y,
    "the sum": X + Y,
    "one": 1.0,
    "few": 0.5 * RNG.integers(0, 2, N),
    "city": RNG.choice(["ab", "cd"], N),
    "lead": [f"{v:.3f}" if v > -1 else "<0.05" for v in X.tolist()],
    "walk": np.cumsum(X),
    "other walk": np.cumsum(Y),
}


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(TABLE)
    frame.to_csv("table.csv", index=False)
    frame[["a", "b"]].sample(N, replace=True, random_state=0).to_csv("again.csv", index=False)
    pd.DataFrame(RNG.normal(size=(N, 2)), columns=["a", "b"]).to_csv("new.csv", index=False)


# A command, what its output says, and the command that follows it.
ADVISED = {
    "entropy table.csv --columns a few": ("--resolution 'few=0.5'", ""),
    "entropy table.csv --columns a --method kpn -k 400": ("Use a smaller -k", "-k 30"),
    "entropy again.csv": ("Use a larger -k", "-k 7"),
    "divergence again.csv new.csv": ("Use a larger -k", "-k 7"),
    "information table.csv --x a --y b --method plugin": ("Use --method auto", "--method auto"),
    "information table.csv --x walk --y 'other walk'": ("use --exclude [0-9]+", ""),
    "renyi table.csv --columns a --order 6": ("Use -k 6", ""),
}


@pytest.mark.parametrize("command", ADVISED)
def test_advice_is_followed_as_it_is_printed(command, capsys):
    said, follow = ADVISED[command]
    main(shlex.split(command))
    out = "".join(capsys.readouterr())
    (advice,) = re.findall(said, out)
    assert not re.search(r"`(k|discrete|resolution|floor|exclude|period)`|\w=[\"{\[]", out)
    options = follow or advice.removeprefix("Use ").removeprefix("use ")
    assert not main([*shlex.split(command), *shlex.split(options)])
    assert not re.search(said, "".join(capsys.readouterr()))


def test_columns_are_called_by_their_names(capsys):
    for columns, said in (
        ("a b 'the sum'", "Columns a, b, the sum are linearly dependent"),
        ("a one", "Column one is constant"),
    ):
        main(shlex.split(f"entropy table.csv --columns {columns}"))
        assert said in capsys.readouterr().out
    main(shlex.split("divergence table.csv new.csv --columns a one"))
    assert "column 'one'" in capsys.readouterr().err  # which the other file has not
    pd.DataFrame(TABLE).iloc[::-1].to_csv("turned.csv", index=False)
    main(shlex.split("divergence table.csv turned.csv --columns b one"))
    assert "got column one with one value in both" in capsys.readouterr().err


def test_cells_that_are_no_numbers(capsys):
    main(shlex.split("information table.csv --x lead --y b"))
    out = capsys.readouterr().out
    assert "leave the other cells empty, with --missing drop" in out
    frame = pd.DataFrame(TABLE)
    frame.assign(lead=frame["lead"].where(frame["lead"] != "<0.05")).to_csv("table.csv")
    assert not main(shlex.split("information table.csv --x lead --y b --missing drop"))
    assert "classes" not in capsys.readouterr().out


def test_a_period_of_texts_is_refused(capsys):
    assert main(shlex.split("information table.csv --x city --y a --period city=3")) == 1
    assert "`city` must be numbers" in capsys.readouterr().err
