"""How often the diagnosis finds something in a model that has nothing wrong.

Codes are exactly N(0, I) and reconstructions are as good as they can be: samples are a rotation of
the code and a little noise in as many other directions, which no code of d dimensions can know.
Promised is a chance of about 1 % of any finding that is a test, all tests together.

python benchmarks/healthy.py [--repeats 60]
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter

import torch

from entropae.diagnosis import Severity, diagnose, of_functions

from _machine import RESULTS, save

SIZES, DIMENSIONS = (50, 200, 2000), (2, 8, 16, 64)
NOISE = 0.1


def findings(n: int, d: int, seed: int) -> list[tuple[str, Severity]]:
    """Of one healthy model, on `n` training samples and as many held out."""
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(2 * d, 2 * d, generator=generator))[0]
    z = torch.randn(2 * n, d, generator=generator)
    noise = NOISE * torch.randn(2 * n, d, generator=generator)
    x = torch.cat([z, noise], 1) @ turn.T
    subject = of_functions(lambda x: x @ turn[:, :d], lambda z: z.to(turn) @ turn[:, :d].T, x)
    found = diagnose(subject, x[:n], x[n:], progress=False)
    return [(one.name, one.severity) for one in found.findings]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=60)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lines = ["| n | d | models | any finding | to watch or serious | which |", "|-|-|-|-|-|-|"]
    cells = []
    for n in SIZES:
        for d in DIMENSIONS:
            count = repeats if n < SIZES[-1] else max(1, repeats // 6)
            found = [findings(n, d, seed) for seed in range(count)]
            names = Counter(name for one in found for name, _ in one)
            some = sum(map(bool, found))
            bad = sum(any(level > Severity.NOTE for _, level in one) for one in found)
            cells.append({"n": n, "d": d, "models": count, "any": some, "bad": bad, **names})
            said = ", ".join(f"{name} {times}" for name, times in names.most_common())
            lines.append(f"| {n} | {d} | {count} | {some} | {bad} | {said} |")
            print(lines[-1], flush=True)
    save("healthy", cells, repeats=repeats)
    (RESULTS / "healthy.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
