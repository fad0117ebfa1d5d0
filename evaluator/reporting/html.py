"""The page: template, style, script and data put together into one file that needs no network."""

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "model.js",
    "list.js",
    "overlay.js",
    "detail.js",
    "tables.js",
    "main.js",
)  # in the order in which they need each other


def render(view: Any, blocks: dict[str, Any], version: str) -> str:
    """The HTML page of `view`, which holds what is written out, and of `blocks`, the data its script reads, by name.

    All text of `view` is escaped by the template; blocks become JSON that cannot end its element. The page's content
    security policy allows its own script by hash and no connection at all.
    """
    from jinja2 import DictLoader, Environment, StrictUndefined

    script = '(() => {\n"use strict";\n' + "\n".join(_read(name) for name in SCRIPTS) + "})();\n"
    environment = Environment(
        loader=DictLoader({"page": _read("page.html.j2")}), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page").render(
        view=view,
        version=version,
        css=_read("page.css"),
        script=script,
        policy=_policy(script),
        blocks=[(name, embed_json(block)) for name, block in blocks.items()],
    )


def embed_json(value: Any) -> str:
    """JSON that is safe between script tags: no character in it can open or close an element or end a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data: 'self' file:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _read(name: str) -> str:
    return (files("fourfold.evaluator.reporting") / "page" / name).read_text(encoding="utf-8")
