"""Run the Python examples of a Markdown file as its reader would.

Each block is saved under the name in its first line (`# name.py`) in a folder of its own and run
there by a new process, so that only what the page says is at hand.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def main(page: str) -> int:
    text = Path(page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if not blocks:
        print(f"{page} has no Python example: nothing was checked.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(blocks):
            name = re.match(r"# (\S+\.py)\n", block)
            path = Path(folder) / (name[1] if name else f"example_{number}.py")
            path.write_text(block)
            print(f"--- {page}: {path.name}", flush=True)
            done = subprocess.run([sys.executable, path.name], cwd=folder, check=False)
            if done.returncode:
                print(f"{page}: {path.name} failed.", file=sys.stderr)
                return 1
    print(f"{len(blocks)} examples of {page} ran.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
