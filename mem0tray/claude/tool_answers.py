"""What each tool answers, in words for a model; the protocol is `mcp_server`'s business.

Each reads the settings anew, since a session lasts for days. Each may wait for the disk or
the server, and only `mem0_save` writes. All raise Mem0TrayError with a sentence to show.
"""

import time
from typing import Final

from mem0tray.actions import diagnose, standing, worker_report
from mem0tray.actions import recall as reading
from mem0tray.actions.add import QueuedEntry, queue_memory
from mem0tray.actions.recall import ProjectSeen
from mem0tray.actions.standing import NOT_RUNNING, Overview
from mem0tray.claude import for_models
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line, plural

_NOTHING_AMISS: Final = "The server answers, and nothing stands in the way of a memory."
_KNOWN_HERE: Final = "What follows is only what is known on this computer."


def save(project: str, content: str) -> str:
    """Queue a memory as `add` does; it is on the disk when this returns."""
    if not content.strip():
        raise Mem0TrayError(
            "Nothing was saved: the text is empty.", "Call mem0_save again with it as `content`."
        )
    _check_project(project, "Nothing was saved: it")
    loaded = config.read()
    done = queue_memory(loaded, project, content)
    wrong = [f"The settings are wrong: {error}" for error in loaded.wrong]
    return for_models.paragraph([_saved(done, project), *wrong, _what_follows(loaded.settings)])


def recall(project: str, limit: int) -> str:
    """Return the newest memories of a project, with what waits here."""
    _check_project(project, "It")
    found = reading.recall(_settings(), project, limit)
    return for_models.memories(found, f"the project {for_models.named(project)}", "newest first")


def search(project: str, query: str, limit: int) -> str:
    """Return the memories of a project that fit best, with what waits here and fits."""
    _check_project(project, "It")
    if not query.strip():
        raise Mem0TrayError(
            "There is nothing to search for: the query is empty.",
            "mem0_recall shows the newest memories without one.",
        )
    found = reading.search(_settings(), project, query, limit)
    subject = f"the project {for_models.named(project)} for “{one_line(query, for_models.NAME)}”"
    return for_models.memories(found, subject, "best first")


def projects() -> str:
    """Return the known projects, with how many memories each has here and on the server."""
    found = reading.known_projects(_settings())
    sentences = [found.trouble, _KNOWN_HERE if found.trouble else "", found.unread]
    if not (found.whole or found.trouble):
        sentences.append("The server does not name all of its projects.")
    if found.projects:
        sentences.append(f"{plural(len(found.projects), 'project')}:")
    elif not (found.trouble or found.unread):
        sentences.append("No project has memories yet.")
    return "\n".join([for_models.paragraph(sentences), *map(_project, found.projects)])


def health() -> str:
    """Return whether memories reach the server now, and if not, why and what to do."""
    settings = _settings()
    seen = _seen(settings)
    return "\n".join([*_state(seen), *_counts(seen), *_causes(settings)])


def queue_status() -> str:
    """Return what waits, what is dead, and why."""
    settings = _settings()
    seen = _seen(settings)
    return "\n".join([*_counts(seen), *_causes(settings), *_state(seen)])


def _check_project(project: str, subject: str) -> None:
    if not project.strip():
        raise Mem0TrayError(f"{subject} needs a project.", "Name it as project_id.")


def _saved(done: QueuedEntry, project: str) -> str:
    """Return where the memory is."""
    text = f"Saved in the project {for_models.named(project)}, id {done.id}."
    if done.where == "emergency":
        text += " The queue file is locked or broken, so it stands in the emergency file beside it."
    return text


def _what_follows(settings: Settings) -> str:
    """Return what becomes of a memory next; not knowing that makes nothing unsaved."""
    try:
        seen = standing.read(settings, time.time())
    except (Mem0TrayError, OSError):
        return ""
    hindrance = standing.hindrance(seen)
    if hindrance:
        return for_models.sentence(f"It waits on this computer: {hindrance}")
    return f"It is on its way to {seen.server.shown}."


def _project(seen: ProjectSeen) -> str:
    counts = [
        f"{seen.delivered:,} delivered"
        if seen.there is None
        else f"{plural(seen.there, 'memory', 'memories')} on the server",
        f"{seen.fresh:,} waiting here" if seen.fresh else "",
        plural(seen.dead, "dead letter") if seen.dead else "",
    ]
    return f"- {one_line(seen.project, for_models.NAME)}: {', '.join(filter(None, counts))}"


def _settings() -> Settings:
    return config.load().settings


def _seen(settings: Settings) -> Overview:
    worker_report.ask_to_look(settings.locations())
    return standing.overview(standing.read(settings, time.time()))


def _state(seen: Overview) -> list[str]:
    if seen.worker is None:
        worker = "Worker: not running, so nothing is delivered; `mem0tray run` starts it."
    else:
        worker = f"Worker: running since {text.clock(seen.worker.since)}."
    reason = f": {seen.reason}" if seen.reason else ""
    is_told = seen.state != NOT_RUNNING or reason
    state = for_models.sentence(f"State: {seen.state}{reason}") if is_told else ""
    server = f"Server: {seen.destination}." if seen.destination else "Server: none is chosen."
    last = text.clock(seen.last_delivery) if seen.last_delivery else "none is known"
    return [each for each in (server, worker, state, f"Last delivery: {last}.") if each]


def _counts(seen: Overview) -> list[str]:
    """Return what waits, and why a count is unknown."""
    queue = _number(seen.queue, "memory waits", "memories wait")
    since = ""
    if seen.oldest_waiting:
        since = f", the oldest undelivered one since {text.clock(seen.oldest_waiting)}"
    counts = f"{queue} in the queue, {_number(seen.dlq, 'dead letter')}{since}."
    unknown = [one_line(str(why), for_models.SENTENCE) for why in seen.unknown.values()]
    return [counts, *(f"Unknown: {why}" for why in unknown)]


def _number(count: int | None, one: str, many: str = "") -> str:
    if count is None:
        return f"an unknown number of {many or one + 's'}"
    return plural(count, one, many)


def _causes(settings: Settings) -> list[str]:
    """Return why memories are stuck, and other troubles, each with what to do; asks the server."""
    try:
        found = diagnose.sum_up(settings, time.time())
    except Mem0TrayError as error:
        return [one_line(f"Why memories wait is unknown. {error}", for_models.SENTENCE)]
    sentences = [f"{diagnose.number(group)}: {cause}" for cause, group in found.groups]
    sentences += map(str, found.besides)
    return [one_line(each, for_models.SENTENCE) for each in sentences] or [_NOTHING_AMISS]
