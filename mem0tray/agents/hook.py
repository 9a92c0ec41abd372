"""Claude Code's hooks: what its events queue, and what a session begins with.

They must not hold Claude Code up: nothing is imported here before it is wanted.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mem0tray.agents import MARK
from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.core.errors import Mem0TrayError

if TYPE_CHECKING:
    from mem0tray.config.settings import Loaded
    from mem0tray.system.paths import Paths

_LOCK_WAIT: Final = 0.05  # seconds; then the emergency file, which needs no lock
_FEW: Final = 8  # memories of an answer
_LONGEST: Final = 300  # characters of a line in the log
_LOOKED_AT: Final = 1_000_000  # bytes of a transcript, from the end


def run(event: str, given: bytes) -> str:
    """Do what `event` asks for with its JSON, and return what is to be printed. Never raises."""
    began = time.monotonic()
    try:
        return _carried_out(event, given, began)
    except Exception as error:  # noqa: BLE001  (whatever it is, the session goes on)
        _log(event, error)
        return ""


def _carried_out(event: str, given: bytes, began: float) -> str:
    if event == "Stop" and MARK.encode() not in given and _looks_whole(given):
        return ""
    events = AGENTS[CLAUDE_CODE].events
    if event not in events:
        why = "no such event is known" if event.strip() else "no event is named"
        raise Mem0TrayError(f"{why}; there are {', '.join(events)}")
    fields = _object(given)
    if fields is None:
        raise Mem0TrayError("what came on standard input is no JSON object")
    if fields.get("agent_id"):  # of a subagent, whose answer is its caller's to judge
        return ""
    if event == "SessionStart":
        from mem0tray.agents import for_models

        return for_models.session_start(_folder(fields), began)
    texts = _texts(event, fields)
    if texts:
        _queue(texts, fields)
    return ""


def _looks_whole(given: bytes) -> bool:
    """Return whether `given` looks like an object with an answer; parsing it takes longer."""
    _, _, rest = given.strip().partition(b'"last_assistant_message"')
    is_text = b"".join(rest[:9].split()).startswith(b':"')
    return is_text and given.strip()[:1] == b"{" and rest.endswith(b"}")


def _object(data: bytes) -> dict[str, Any] | None:
    import json

    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _folder(fields: Mapping[str, Any]) -> Path:
    """Return the folder of the session; the working directory moves with a `cd` of the model's."""
    named = os.environ.get("CLAUDE_PROJECT_DIR") or fields.get("cwd")
    return Path(named) if isinstance(named, str) and named else Path.cwd()


def _texts(event: str, fields: Mapping[str, Any]) -> list[str]:
    if event == "Stop":
        return marked(_text(fields, "last_assistant_message"))
    if event == "SessionEnd":
        path = _text(fields, "transcript_path")
        return marked(last_answer(Path(path))) if path else []
    summary = _text(fields, "compact_summary").strip()
    return [summary] if summary and _loaded().settings.claude.save_summaries else []


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name) or ""  # Codex names no summary, and no transcript that is not kept
    if not isinstance(value, str):
        raise Mem0TrayError(f"it has no text under {name}")
    return value


def marked(answer: str) -> list[str]:
    """Return what the lines of an answer say that begin with `MARK`, each once."""
    begun = (line.strip() for line in answer.splitlines())
    texts = (line.removeprefix(MARK).strip() for line in begun if line.startswith(MARK))
    return list(dict.fromkeys(filter(None, texts)))


def last_answer(path: Path) -> str:
    """Return the text of the last answer in a session's transcript, which has a JSON object a line.

    An answer is written in several lines, which have one id. Empty where there is none within the
    last megabyte, or no file. Raises OSError where it cannot be read.
    """
    found: list[str] = []
    answer = None
    for line in reversed(_bytes(path, _LOOKED_AT).split(b"\n")):
        value = _object(line) or {}  # nothing in the line that is cut, an empty one, or nonsense
        message = value.get("message")
        if value.get("type") != "assistant" or value.get("isSidechain"):
            continue
        if not isinstance(message, dict):
            continue
        name = message.get("id")
        if found and name != answer:
            break
        answer = name
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = (part.get("text") for part in parts if isinstance(part, dict))
        found = [*(text for text in texts if isinstance(text, str)), *found]
    return "\n".join(found)


def _queue(texts: list[str], fields: Mapping[str, Any]) -> None:
    """Queue the texts, but what this session has queued before, or the user has deleted since."""
    from mem0tray.actions import add
    from mem0tray.core import item as items
    from mem0tray.system import project

    name = project.of_session(_folder(fields), os.environ)
    if not name.strip():
        raise Mem0TrayError("the folder has no name for a project")
    paths = add.prepared(_loaded())
    session = str(fields.get("session_id") or "")
    # One id for a text in a session, so that it is delivered once at most.
    fit = [text for text in texts if not items.is_too_long(text)]
    entries = [add.entry(items.id_of(session, name, text), name, text) for text in fit]
    known = _ids_in_files(paths, [str(each["id"]).encode() for each in entries])
    new = [each for each in entries if str(each["id"]).encode() not in known]
    named = [(each["id"], items.digest(name, each["content"])) for each in new]
    unwanted = add.deleted(paths, named) if new else set()
    new = [each for each, its in zip(new, named, strict=True) if its not in unwanted]
    if new:
        add.add(paths, *new, lock_wait=_LOCK_WAIT)
    if len(fit) < len(texts):
        raise Mem0TrayError(
            f"a text was not queued, as it is too long: {items.TEXT_AT_MOST}; save it in parts"
        )


def _ids_in_files(paths: "Paths", ids: list[bytes]) -> set[bytes]:
    """Return those of the ids that the files hold, and of many perhaps others."""
    there = b""
    for path in (paths.queue, paths.emergency):
        with suppress(OSError):  # `add` says what is wrong
            there += _bytes(path)
    if len(ids) <= _FEW:
        return {each for each in ids if each in there}
    # Each look at a large file takes a moment.
    return {part.partition(b'"')[2].partition(b'"')[0] for part in there.split(b'"id"')}


def _bytes(path: Path, most: int = sys.maxsize) -> bytes:
    """Return the last bytes of a file; none where there is no file. Raises OSError."""
    from mem0tray.system import regular_file

    try:
        file = regular_file.open_binary(path)
    except FileNotFoundError:
        return b""
    with file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - most))
        return file.read()


def _loaded() -> "Loaded":
    from mem0tray.config import settings

    return settings.read()


def _log(event: str, error: Exception) -> None:
    """Write a line to the worker's log, or to standard error if that fails.

    The text of an error of Python's own may hold what the hook was given.
    """
    from mem0tray.core.text import one_line

    ours = isinstance(error, Mem0TrayError | OSError)
    why = str(error) if ours else f"it failed ({type(error).__name__})"
    text = f"❌ {f'Hook {one_line(event, 40)}'.strip()}: {one_line(why, _LONGEST)}"
    try:
        from mem0tray.files import private_folders
        from mem0tray.system import regular_file

        log = _loaded().settings.locations().log
        private_folders.make_private_folder(log.parent)
        fd = regular_file.open_fd(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(fd, "ab") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n".encode())
    except Exception:  # noqa: BLE001  (no home, no disk, no right: there is nothing else to try)
        with suppress(OSError, ValueError):
            sys.stderr.write(f"mem0tray: {text}\n")
