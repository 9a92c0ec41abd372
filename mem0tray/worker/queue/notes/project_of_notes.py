"""The project that the notes in a folder of Claude Code's belong to.

Claude Code names the folder after the working directory, with `-` for everything but
ASCII letters and digits: the name does not tell the directory. The transcripts beside the
notes do.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from mem0tray.system import project, regular_file

_TRANSCRIPTS: Final = 5  # the newest transcripts; one of them tells
_LINES: Final = 50  # lines of a transcript
_LONGEST: Final = 100_000  # bytes in a line
_CUT: Final = 200  # characters of a long name that come from the directory, before a hash
_OTHERS: Final = re.compile(r"[^A-Za-z0-9]")


def of_notes(folder: Path, environ: Mapping[str, str], former: str = "") -> str:
    """The project of the working directory that `folder`, below `projects`, is named after.

    If no transcript tells the directory: `MEM0_PROJECT_ID`, or else the `former` project, as Claude
    Code removes transcripts after 30 days, or else the folder's name.
    """
    there = working_directory(folder)
    if there is not None:
        return project.of_folder(there, environ) or folder.name
    return environ.get(project.VARIABLE, "").strip() or former or folder.name


def working_directory(folder: Path) -> Path | None:
    """The working directory that the newest transcripts tell; None where none fits the name."""
    for transcript in _newest(folder):
        with suppress(OSError):
            for told in _told(transcript):
                if _fits(told, folder.name):
                    return Path(told)
    return None


def _newest(folder: Path) -> list[Path]:
    found: list[tuple[float, str]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        found = [
            (entry.stat(follow_symlinks=False).st_mtime, entry.path)
            for entry in entries
            if entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False)
        ]
    return [Path(path) for _, path in sorted(found, reverse=True)[:_TRANSCRIPTS]]


def _told(transcript: Path) -> Iterator[str]:
    """Each `cwd` in the first lines."""
    with regular_file.open_binary(transcript) as file:
        for line in islice(iter(lambda: file.readline(_LONGEST), b""), _LINES):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            told = value.get("cwd") if isinstance(value, dict) else None
            if isinstance(told, str) and told and "\0" not in told:
                yield told


def _fits(directory: str, name: str) -> bool:
    """Whether Claude Code would give the folder for this working directory that name."""
    mine, given = _as_name(directory), _as_name(name)
    return mine == given or (len(mine) > _CUT and mine[:_CUT] == given[:_CUT])


def _as_name(text: str) -> str:
    """The folder's name; a character beyond U+FFFF counts twice, as in JavaScript."""
    return _OTHERS.sub(lambda found: "-" * (1 + (found[0] > "\uffff")), text)
