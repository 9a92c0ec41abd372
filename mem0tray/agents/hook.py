"""The hooks of coding agents: what their events queue, and what a session begins with.

They must not hold an agent up: nothing is imported here before it is wanted.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mem0tray.agents import MARK
from mem0tray.agents.table import AGENTS, ANSWER, CLAUDE_CODE, START, SUMMARY, Agent, HookEvent
from mem0tray.core.errors import Mem0TrayError

if TYPE_CHECKING:
    from mem0tray.config.settings import Loaded
    from mem0tray.system.paths import Paths

_LOCK_WAIT: Final = 0.05  # seconds; then the emergency file, which needs no lock
_WITHIN: Final = 0.6  # seconds from the hook's begin, for the server too
_FEW: Final = 8  # memories of an answer
_LONGEST: Final = 300  # characters of a line in the log
_WRITTEN_WITHIN: Final = 0.5  # seconds
_POLL: Final = 0.01  # seconds
_LONGEST_PATH: Final = 4096  # characters
_LOOKED_AT: Final = 1_000_000  # bytes of a transcript, from the end
# What agents call the author of an answer in a transcript, or the kind of its line.
_AUTHORS: Final = ("assistant", "assistant.message", "gemini")


def run(event: str, given: bytes, agent: str = CLAUDE_CODE) -> str:
    """Do what `event` of an agent asks for with its JSON, and return what is to be printed.

    Never raises. What the table does not know is another program's business: nothing is done.
    """
    began = time.monotonic()
    known = AGENTS[agent].events.get(event) if agent in AGENTS else None
    if known is None:
        return ""
    try:
        return _carried_out(AGENTS[agent], event, known, given, began)
    except Exception as error:  # noqa: BLE001  (whatever it is, the session goes on)
        _log(event, error)
        return ""


def _carried_out(agent: Agent, event: str, its: HookEvent, given: bytes, began: float) -> str:
    if its.meaning == ANSWER and MARK.encode() not in given:  # parsing takes longer
        return ""
    from mem0tray.core.item import load_object

    fields = load_object(given)
    if fields is None or fields.get("agent_id"):  # of a subagent, whose caller judges its answer
        return ""
    if its.meaning == START:
        if its.knows and fields.get("source") == its.knows:
            return ""
        return agent.told(event, _context(_folder(agent, fields), began + _WITHIN))
    sign = str(fields.get(its.sign)) if its.sign else ""
    texts = _texts(its, fields.get(its.field), sign)
    if texts:
        _queue(texts, _folder(agent, fields), str(fields.get(agent.session) or ""))
    return ""


def _context(folder: Path, until: float) -> str:
    """Return what a session in this folder should know, from the worker's process if it runs."""
    from mem0tray.agents import session_socket
    from mem0tray.config import settings as config
    from mem0tray.system import project

    name = project.of_session(folder, os.environ)
    settings = config.load().settings
    if told := session_socket.ask(settings, name, until):
        return told
    from mem0tray.agents import for_models

    return for_models.session_start(settings, name, until)


def _folder(agent: Agent, fields: Mapping[str, Any]) -> Path:
    """Return the folder of the session, where the event names one; else ours, or the root."""
    named = os.environ.get(agent.folder_variable) or fields.get(agent.folder)
    if isinstance(named, list):
        named = next(iter(named), "")
    if isinstance(named, str) and named:
        return Path(named)
    if agent.folder != "cwd":  # Cursor's own, in which its hooks run, is no project's
        return Path.home()
    with suppress(FileNotFoundError):  # it has been removed
        return Path.cwd()
    return Path(os.sep)


def _texts(its: HookEvent, value: object, sign: str) -> list[str]:
    """Return what is to be queued; nothing where the field is not the text that it should be."""
    if not isinstance(value, str) or not value.strip():
        return []
    if its.meaning == ANSWER:
        return marked(value)
    if its.meaning == SUMMARY:
        return [value.strip()] if _loaded().settings.claude.save_summaries else []
    with suppress(ValueError):  # a path that no system has
        if len(value) <= _LONGEST_PATH:
            _wait_for(Path(value), sign.encode())
            return marked(last_answer(Path(value)))
    return []


def _wait_for(path: Path, sign: bytes) -> None:
    """Wait until a transcript has the sign; Copilot writes it while its hook runs already."""
    end = time.monotonic() + _WRITTEN_WITHIN
    while sign not in _bytes(path, _LOOKED_AT) and time.monotonic() < end:
        time.sleep(_POLL)


def marked(answer: str) -> list[str]:
    """Return what the lines of an answer say that begin with `MARK`, each once.

    Not those in a fenced block, which show how a memory is saved.
    """
    fence, texts = "", []
    for line in map(str.strip, answer.splitlines()):
        if fence:
            is_end = line.startswith(fence) and not line.strip(fence[0])
            fence = "" if is_end else fence
        elif not (fence := _fence(line)) and line.startswith(MARK):
            texts.append(line.removeprefix(MARK).strip())
    return list(dict.fromkeys(filter(None, texts)))


def _fence(line: str) -> str:
    """Return the signs with which a line begins a fenced block; empty if it begins none."""
    signs = line[: len(line) - len(line.lstrip(line[:1]))]
    is_inline = "`" in signs and "`" in line[len(signs) :]
    return signs if signs[:3] in ("```", "~~~") and not is_inline else ""


def last_answer(path: Path) -> str:
    """Return the text of the last answer in a session's transcript, which has a JSON object a line.

    An answer may be written in several lines, which have one id. Empty where there is none within
    the last megabyte, or no file. Raises OSError where it cannot be read.
    """
    from mem0tray.core.item import load_object

    found: list[str] = []
    answer = None
    for line in reversed(_bytes(path, _LOOKED_AT).split(b"\n")):
        value = load_object(line) or {}  # nothing in a line that is cut, empty, or nonsense
        # Claude Code's and Cursor's member, Codex's, Copilot's; Gemini's line is the message.
        message = next(filter(None, map(value.get, ("message", "payload", "data"))), value)
        if value.get("isSidechain") or value.get("agentId") or not isinstance(message, dict):
            continue
        who = (value.get("type"), value.get("role"), message.get("role"))
        if not any(each in _AUTHORS for each in who):
            continue
        name = message.get("id") or message.get("interactionId")
        if found and (name is None or name != answer):
            break
        answer = name
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = (part.get("text") for part in parts if isinstance(part, dict))
        found = [*(text for text in texts if isinstance(text, str) and text), *found]
    return "\n".join(found)


def _queue(texts: list[str], folder: Path, session: str) -> None:
    """Queue the texts, but what this session has queued before, or the user has deleted since."""
    from mem0tray.actions import add
    from mem0tray.core import item as items
    from mem0tray.system import project

    name = project.of_session(folder, os.environ)
    if not 0 < len(name.strip()) <= items.LONGEST_PROJECT:
        raise Mem0TrayError("the folder has no name for a project")
    paths = add.prepared(_loaded())
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
