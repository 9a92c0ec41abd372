"""What tools and hooks say, in words for a model; `tools` has what they take."""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from mem0tray.actions import diagnose, standing, worker_report
from mem0tray.actions import recall as reading
from mem0tray.actions.add import queue_memory
from mem0tray.actions.recall import KnownMemory, ProjectSeen, WasRead
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.agents import MARK
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import lines, one_line, plural

_SENTENCE: Final = 1000  # characters of one, at most
_NAME: Final = 80
_KNOWN: Final = "What follows is only what is known on this computer."
_HERE: Final = "What follows is only what waits on this computer."
_DATE: Final = "%Y-%m-%d %H:%M"
_RECALLED: Final = 20
_LONGEST: Final = 10_000  # bytes
_MORE: Final = "\n- … there are more: the tool mem0_recall shows them."
_ENTRY: Final = b"\n- "
_HOW_TO_SAVE: Final = (
    "Save what a later session should know and cannot see in the files: decisions and their"
    " reasons, preferences, what was learnt. A line of an answer that begins with"
    f" `{MARK}` (in small letters, with no list mark and no bold before it) is saved by mem0tray as"
    " a memory of this project; never save the same text with a tool as well."
)


def session_start(settings: Settings, project: str, until: float) -> str:
    """Return what a session begins with: how to save a memory, and which the project has.

    `until`: the moment (monotonic) until which the server may answer.
    """
    found = reading.recall(settings, project, _RECALLED, until=until)
    said = _HOW_TO_SAVE
    if found.waiting or found.there or found.trouble or found.unread:
        listed = _memories(found, f"the project {_named(project)}", "newest first")
        said += f"\n\nFrom mem0tray, memories of earlier sessions. {listed}"
    return _cut(said)


def _cut(said: str) -> str:
    """Return as many whole entries of the list as have room, and of a single one its beginning."""
    data = said.encode()
    if len(data) <= _LONGEST:
        return said
    room = _LONGEST - len(_MORE.encode())
    end = data.rfind(_ENTRY, 0, room)
    if end <= data.find(_ENTRY):
        end = room
    return data[:end].decode(errors="ignore") + _MORE


def save(project: str, content: str) -> str:
    """Queue a memory as `add` does; it is on the disk when this returns."""
    if not content.strip():
        raise Mem0TrayError(
            "Nothing was saved: the text is empty.", "Call mem0_save again with it as `content`."
        )
    loaded = config.read()
    done = queue_memory(loaded, project, content)
    said = [f"Saved in the project {_named(project)}, id {done.id}."]
    if done.where == "emergency":
        said.append(
            "The queue file is locked or broken, so it stands in the emergency file beside it."
        )
    said += [f"The settings are wrong: {error}" for error in loaded.wrong]
    try:
        seen = standing.glance(loaded.in_last_folder(), time.time())
    except (Mem0TrayError, OSError):  # not to know what follows makes nothing unsaved
        return _paragraph(said)
    hindrance = standing.hindrance(seen)
    follows = f"It is on its way to {seen.server.shown}."
    if hindrance:
        follows = _sentence(f"It waits on this computer: {hindrance}")
    return _paragraph([*said, follows])


def recall(project: str, limit: int) -> str:
    """Return the newest memories of a project, with what waits here."""
    found = reading.recall(config.load().settings, project, limit)
    return _memories(found, f"the project {_named(project)}", "newest first")


def search(project: str, query: str, limit: int) -> str:
    """Return the memories of a project that fit best, with what waits here and fits."""
    if not query.strip():
        raise Mem0TrayError(
            "There is nothing to search for: the query is empty.",
            "mem0_recall shows the newest memories without one.",
        )
    found = reading.search(config.load().settings, project, query, limit)
    subject = f"the project {_named(project)} for “{one_line(query, _NAME)}”"
    return _memories(found, subject, "best first")


def list_projects() -> str:
    """Return the known projects, with how many memories each has here and on the server."""
    found = reading.known_projects(config.load().settings)
    sentences = [found.trouble, _KNOWN if found.trouble else "", found.unread]
    if not (found.whole or found.trouble):
        sentences.append("The server does not name all of its projects.")
    if found.projects:
        sentences.append(f"{plural(len(found.projects), 'project')}:")
    elif not (found.trouble or found.unread):
        sentences.append("No project has memories yet.")
    return "\n".join([_paragraph(sentences), *map(_project, found.projects)])


def _project(seen: ProjectSeen) -> str:
    there = f"{seen.delivered:,} delivered"
    if seen.on_server is not None:
        there = f"{plural(seen.on_server, 'memory', 'memories')} on the server"
    waiting = f", {seen.waiting:,} waiting here" if seen.waiting else ""
    dead = f", {plural(seen.dead, 'dead letter')}" if seen.dead else ""
    return f"- {one_line(seen.project_id, _NAME)}: {there}{waiting}{dead}"


def health() -> str:
    """Return whether memories reach the server now, what waits, and why; and what to do."""
    settings = config.load().settings
    worker_report.ask_to_look(settings.locations())
    seen = standing.overview(standing.read(settings, time.time()))
    return "\n".join([*_state(seen), *_counts(seen), *_causes(settings)])


queue_status = health  # the same, for a model that asks about what waits


def _state(seen: Overview) -> list[str]:
    worker = "Worker: not running, so nothing is delivered; `mem0tray run` starts it."
    if seen.worker is not None:
        worker = f"Worker: running since {text.clock(seen.worker.since)}."
    said = [f"Server: {seen.destination or 'none is chosen'}.", worker]
    if seen.state != NOT_RUNNING or seen.reason:
        reason = f": {seen.reason}" if seen.reason else ""
        said.append(_sentence(f"State: {seen.state}{reason}"))
    last = text.clock(seen.last_delivery) if seen.last_delivery else "none is known"
    return [*said, f"Last delivery: {last}."]


def _counts(seen: Overview) -> list[str]:
    queue, dlq = "an unknown number of memories wait", "an unknown number of dead letters"
    if seen.queue is not None:
        queue = plural(seen.queue, "memory waits", "memories wait")
    if seen.dlq is not None:
        dlq = plural(seen.dlq, "dead letter")
    since = ""
    if seen.oldest_waiting:
        since = f", the oldest undelivered one since {text.clock(seen.oldest_waiting)}"
    unknown = [f"Unknown: {one_line(str(why), _SENTENCE)}" for why in seen.unknown.values()]
    return [f"{queue} in the queue, {dlq}{since}.", *unknown]


def _causes(settings: Settings) -> list[str]:
    try:
        found = diagnose.sum_up(settings, time.time())
    except Mem0TrayError as error:
        return [one_line(f"Why memories wait is unknown. {error}", _SENTENCE)]
    sentences = [f"{diagnose.number(group)}: {cause}" for cause, group, _ in found.groups]
    sentences += map(str, found.besides)
    nothing = ["The server answers, and nothing stands in the way of a memory."]
    return [one_line(each, _SENTENCE) for each in sentences] or nothing


def _memories(found: WasRead, subject: str, order: str) -> str:
    shown = reading.collapsed([*found.waiting, *found.there])
    sentences = [found.trouble, found.unread, found.note]
    if found.trouble and shown:
        sentences.insert(1, _HERE)
    elif found.trouble and not found.unread:
        sentences.append(f"Nothing of {subject} waits on this computer.")
    if shown:
        waits = sum(bool(each.state) for each in shown)
        of_these = f"; {waits:,} of these not delivered yet, marked so" if waits else ""
        number = plural(len(shown), "memory", "memories")
        sentences.append(f"{number} of {subject}, {order}{of_these}:")
    elif not found.trouble:
        sentences.append(f"Nothing was found in {subject}.")
    return "\n".join([_paragraph(sentences), *(_memory(*each) for each in shown.items())])


def _memory(memory: KnownMemory, times: int) -> str:
    marks = [memory.state and f"{memory.state} here", _date(memory.created)]
    marks += [f"{times:,} times"] if times > 1 else []
    mark = ", ".join(one_line(each, _NAME) for each in marks if each)
    said = lines(memory.text).strip("\n").replace("\n", "\n  ")
    return f"- [{mark}] {said}" if mark else f"- {said}"


def _date(created: str) -> str:
    """Return when a server stored a memory, by this computer's clock; an odd time unchanged."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime(_DATE)
    except (ValueError, OverflowError, OSError):
        return created


def _named(project: str) -> str:
    return repr(one_line(project, _NAME))


def _sentence(words: str) -> str:
    line = one_line(words, _SENTENCE)
    return line if line.endswith((".", "…")) else f"{line}."


def _paragraph(sentences: Iterable[str]) -> str:
    return " ".join(one_line(each, _SENTENCE) for each in sentences if each)
