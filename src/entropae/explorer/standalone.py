"""The explorer in one file: the page, the model and what runs it, for a browser without network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

from entropae.explorer.space import Space, pack

PAGE = files("entropae.explorer") / "page"
RUNTIME = files("entropae.explorer") / "onnxruntime"
SCRIPTS = ("drawing.js", "local.js", "map.js", "explorer.js")
DRAWS = 240  # codes of each prior; the browser shows them by turns


def page(space: Space, encoder: bytes, decoder: bytes, *, seed: int = 0) -> str:
    """The HTML of the explorer, with all it needs inside.

    Args:
        space: What is explored.
        encoder: Its encoder as ONNX.
        decoder: Its decoder as ONNX.
        seed: Of the codes drawn from the priors.
    """
    drawn = {name: pack(space.draw(name, DRAWS, seed=seed)) for name in space.model.priors}
    data = {
        "space": space.describe(),
        "drawn": drawn,
        "samples": None if space.samples.kind.view == "image" else pack(space.shown),
        "encoder": _base64(encoder),
        "decoder": _base64(decoder),
        "runtime": (RUNTIME / "ort.wasm.bundle.min.mjs").read_text(),
        "wasm": _base64((RUNTIME / "ort-wasm-simd-threaded.wasm.gz").read_bytes()),
    }
    scripts = [(PAGE / name).read_text() for name in SCRIPTS]
    style = (PAGE / "style.css").read_text()
    # Only these scripts run, and the runtime, which they hand over as a blob; nothing is fetched.
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))} blob: 'wasm-unsafe-eval'; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        '<meta charset="utf-8">': (
            '<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        ),
        '<link rel="stylesheet" href="style.css">': f"<style>{style}</style>",
        "<!-- scripts -->": "",
        "</body>": "\n".join(
            [
                f'<script type="application/json" id="embedded">{_json(data)}</script>',
                *(f"<script>{script}</script>" for script in scripts),
                "</body>",
            ]
        ),
    }
    pattern = "|".join(map(re.escape, parts))
    return re.sub(pattern, lambda found: parts[found[0]], (PAGE / "index.html").read_text())


def _json(data: Any) -> str:
    """JSON in which nothing ends the script element that holds it."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
