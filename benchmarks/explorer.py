"""How long the explorer takes to decode a code, by its server and in the browser itself.

    python benchmarks/explorer.py

Images of 32×32 in colour; networks of the default width and of the published one, with weights as
drawn: their values cost no time. One thread. The server is asked over a socket, as the page asks
it; `model.decode` in this process is measured in turn with it. On a machine with other work the
best of the times and the CPU times are those to compare. In the browser (Debian's chromium)
the page's own decoder is asked from the page.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from entropae.explorer import Space
from entropae.explorer.export import export
from entropae.kinds import read as load_samples
from entropae.latent import Entropic
from entropae.model import Autoencoder
from entropae.nn import pair

from _machine import save

SHAPE = (3, 32, 32)
DIM = 64
ASKED = 200
WIDTHS = {"default": 16, "published": 128}
SERVE = """
import sys, torch
sys.path.insert(0, "benchmarks")
torch.set_num_threads(1)
from explorer import made
from entropae.explorer.server import serve
serve(made(int(sys.argv[1])), port=0)
"""


def made(width: int) -> Space:
    """A model with random weights, and 2000 random images."""
    torch.manual_seed(0)
    latent = Entropic(DIM)
    model = Autoencoder(*pair("conv", SHAPE, DIM, DIM, width=width), latent)
    images = np.random.default_rng(0).integers(0, 256, (2000, 32, 32, 3), dtype=np.uint8)
    return Space(model, load_samples(images), title="benchmark")


def served(space: Space, width: int) -> dict[str, float]:
    """Milliseconds over the socket and without it."""
    command = [sys.executable, "-c", SERVE, str(width)]
    root = Path(__file__).parent.parent
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    try:
        port = int(server.stdout.readline().split(":")[2].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        times = {"socket": [], "direct": []}
        spent = 0.0
        before = cpu_seconds(server.pid)
        for _ in range(ASKED):
            code = torch.randn(1, DIM)
            began = time.perf_counter()
            connection.request("POST", "/api/decode", json.dumps({"codes": code.tolist()}))
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
            times["socket"].append(time.perf_counter() - began)
            began, cpu = time.perf_counter(), time.process_time()
            space.decode(code)
            times["direct"].append(time.perf_counter() - began)
            spent += time.process_time() - cpu
        served_cpu = cpu_seconds(server.pid) - before
    finally:
        server.kill()
        server.wait()
    return figures(times) | {
        "server_cpu_ms": round(1e3 * served_cpu / ASKED, 2),
        "direct_cpu_ms": round(1e3 * spent / ASKED, 2),
        "server_cpu_over_direct": round(served_cpu / spent, 2),
    }


def cpu_seconds(pid: int) -> float:
    """Of a process so far, as Linux tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_browser(space: Space) -> dict[str, float]:
    """Milliseconds of ONNX Runtime in a page opened from a file; seconds until it can be used."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-background-networking"):
        options.add_argument(flag)
    with tempfile.TemporaryDirectory() as folder:
        *_, path = export(space, Path(folder))
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            began = time.perf_counter()
            driver.get(path.as_uri())
            while not driver.execute_script("return Boolean(state.values)"):
                time.sleep(0.01)
            ready = time.perf_counter() - began
            times = driver.execute_async_script(
                """
                const [asked, done] = arguments;
                (async () => {
                  const times = [];
                  for (let i = 0; i < asked; i++) {
                    const code = source.space.axes.mean.map(() => Math.random() - 0.5);
                    const began = performance.now();
                    await source.decode([code]);
                    times.push((performance.now() - began) / 1000);
                  }
                  done(times);
                })();
                """,
                ASKED,
            )
        finally:
            driver.quit()
        return figures({"browser": times}) | {
            "seconds_to_start": round(ready, 2),
            "megabytes": round(path.stat().st_size / 1e6, 1),
        }


def figures(times: dict[str, list[float]]) -> dict[str, float]:
    """Best, median and 99th percentile of each, in milliseconds."""
    found = {}
    for name, seconds in times.items():
        found[f"{name}_best_ms"] = round(1e3 * min(seconds), 2)
        found[f"{name}_ms"] = round(1e3 * float(np.median(seconds)), 2)
        found[f"{name}_p99_ms"] = round(1e3 * float(np.quantile(seconds, 0.99)), 2)
    return found


def main() -> None:
    torch.set_num_threads(1)
    result = {}
    for name, width in WIDTHS.items():
        space = made(width)
        found = served(space, width) | in_browser(space)
        for way in ("socket", "browser"):
            ratio = found[f"{way}_best_ms"] / found["direct_best_ms"]
            found[f"{way}_over_direct_best"] = round(ratio, 2)
        result[name] = found
        print(name, found)
    save("explorer", result, shape=SHAPE, dim=DIM, asked=ASKED, widths=WIDTHS)


if __name__ == "__main__":
    main()
