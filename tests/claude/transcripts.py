"""Transcripts of sessions, as Claude Code writes them."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.support.shapes import Json


def answer(name: str, text: str, **fields: Json) -> Json:
    content = [{"type": "text", "text": text}]
    message = {"id": name, "role": "assistant", "content": content}
    return {"type": "assistant", "isSidechain": False, "message": message, **fields}


def prompt(text: str) -> Json:
    return {"type": "user", "message": {"role": "user", "content": text}}


def write(path: Path, lines: Iterable[Json]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path
