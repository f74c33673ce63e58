"""Make the gallery's pictures anew, by the commands that its page has beside them.

    python docs/gallery.py

Takes two minutes on one core, and needs chromium for the pictures of pages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from PIL import Image

DOCS = Path(__file__).parent
PICTURES = DOCS / "gallery"
PORT = 8765
BROWSER = ("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


def commands() -> list[str]:
    """Those of the page, in its order, that can be run anywhere."""
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:ba)?sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def photograph(address: str, out: Path, height: int) -> None:
    """A picture of a page, once its scripts have run."""
    options = [f"--window-size=1200,{height}", "--virtual-time-budget=15000"]
    subprocess.run(
        [*BROWSER, *options, f"--screenshot={out}", address], check=True, capture_output=True
    )


def keep(path: Path, name: str, width: int = 1200) -> None:
    """A picture as the page has it, no wider than that."""
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((width, 4000))
        small.quantize(192).save(PICTURES / f"{name}.png", optimize=True)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for command in commands():
            print(command, flush=True)
            if not command.startswith("entropae explore"):
                subprocess.run(command, shell=True, cwd=folder, env=environment, check=True)
                continue
            server = subprocess.Popen(command.split(), cwd=folder, env=environment)
            try:
                wait(f"http://127.0.0.1:{PORT}/")
                photograph(f"http://127.0.0.1:{PORT}/", folder / "explorer.png", 900)
            finally:
                server.terminate()
                server.wait()
        run = folder / "runs/digits"
        photograph((run / "report.html").as_uri(), folder / "report.png", 1500)
        for name in ("overview", "interpolations", "curves"):
            shutil.copy(run / f"{name}.png", folder)
        for name in ("overview", "interpolations", "curves", "ranked", "report", "explorer"):
            keep(folder / f"{name}.png", name)


def wait(address: str, seconds: float = 120) -> None:
    """Until a page answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            urlopen(address).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return


if __name__ == "__main__":
    main()
