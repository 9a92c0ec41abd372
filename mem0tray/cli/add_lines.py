"""`mem0tray add --jsonl`: from a file or standard input to many queued memories."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from mem0tray import cli
from mem0tray.actions.add_lines import BadLine, LineQueue, LinesSoFar
from mem0tray.cli import context, output
from mem0tray.cli.given import END_OF_INPUT, project_alone
from mem0tray.cli.progress import ProgressLine
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.memory_lines import LONGEST_LINE
from mem0tray.core.text import plural

_NAMED: Final = 100  # lines that are no memories, each named on standard error
_LISTED: Final = 1000  # the same in a JSON document
_TWICE: Final = "what is queued already is not queued twice"


def run(path: Path | None, project: str | None, *, again: bool, as_json: bool) -> None:
    """Queue the lines of the file (None: of standard input), and print how many were queued.

    Standard error says what is wrong with lines. Raises Mem0TrayError if not everything was
    queued, after that has been printed.
    """
    loaded = context.load_what_holds()
    project = project_alone(project) or ""
    bad: list[BadLine] = []
    with ProgressLine() as progress:

        def tell(line: BadLine) -> None:
            if len(bad) < _LISTED:
                bad.append(line)
            if not as_json and queue.so_far.bad <= _NAMED:
                progress.clear()
                output.remark(f"Line {line.number:,} {line.why}.")

        def watch(so_far: LinesSoFar) -> None:
            if progress.is_due:
                progress.show(f"{plural(so_far.lines, 'line')}, {so_far.queued:,} queued")

        queue = LineQueue(loaded, project, again, tell, watch)
        failed: Mem0TrayError | None = None
        try:
            queue.run(_standard_input() if path is None else _lines_of(path))
        except Mem0TrayError as error:
            failed = error
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {_until(queue.so_far)}")
            raise
    _tell(queue.so_far, bad, as_json=as_json)
    if loaded.wrong and queue.so_far.queued:
        context.warn(["The memories are queued all the same."])
    _complain(queue.so_far, failed, as_json=as_json)


def _standard_input() -> Iterator[bytes]:
    if sys.stdin.isatty():
        sys.stderr.write(f"Type one JSON object a line. {END_OF_INPUT} ends it.\n")
    return _read(sys.stdin.buffer, "standard input")


def _lines_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from _read(file, str(path))
    except FileNotFoundError as error:
        raise FileUnavailableError(
            f"{path} is not there.", "Name a file that is, or `-` for standard input."
        ) from error
    except OSError as error:
        raise _unreadable(str(path), error) from error


def _unreadable(name: str, error: OSError) -> FileUnavailableError:
    reason = (error.strerror or str(error)).lower()
    return FileUnavailableError(f"{name} cannot be read: {reason}.")


def _read(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Read the lines, of one that is too long only as much as shows that."""
    try:
        while line := file.readline(LONGEST_LINE + 1):
            yield line
            while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE + 1)
    except OSError as error:
        raise _unreadable(name, error) from error


def _tell(so_far: LinesSoFar, bad: list[BadLine], *, as_json: bool) -> None:
    shown = json.dumps(_document(so_far, bad), indent=2) if as_json else "\n".join(_said(so_far))
    why = cli.why_not_written(f"{shown}\n")
    if why:
        output.remark(f"{_queued(so_far)} Standard output cannot be written: {why}.")


def _said(so_far: LinesSoFar) -> Iterator[str]:
    yield _queued(so_far)
    if so_far.waiting:
        yield f"{so_far.waiting:,} waited already."
    if so_far.delivered:
        verb = "was" if so_far.delivered == 1 else "were"
        yield (
            f"{so_far.delivered:,} {verb} delivered to this server before."
            " `--again` queues them once more."
        )


def _queued(so_far: LinesSoFar) -> str:
    if not so_far.queued:
        return "Nothing was queued."
    return f"{plural(so_far.queued, 'memory is', 'memories are')} queued."


def _until(so_far: LinesSoFar) -> str:
    """How much of what was read is queued, and what to do about the rest."""
    queued = _queued(so_far).rstrip(".")
    if so_far.writing:
        writing = f"{so_far.writing:,} that were being written"
        queued = f"{queued}, and perhaps {writing}"
    read = plural(so_far.lines, "line was", "lines were")
    return f"{queued}; {read} read. Add all of it again: {_TWICE}."


def _document(so_far: LinesSoFar, bad: list[BadLine]) -> dict[str, Any]:
    return {
        "lines": so_far.lines,
        "queued": so_far.queued,
        "emergency": so_far.emergency,
        "waiting": so_far.waiting,
        "delivered": so_far.delivered,
        "bad": so_far.bad,
        "problems": [{"line": each.number, "reason": each.why} for each in bad],
    }


def _complain(so_far: LinesSoFar, failed: Mem0TrayError | None, *, as_json: bool) -> None:
    if failed is not None and so_far.lines:
        raise Mem0TrayError(f"{failed.message} {_until(so_far)}", failed.remedy) from failed
    if failed is not None:
        raise failed
    if not so_far.bad:
        return
    lines = plural(so_far.bad, "line is no memory", "lines are no memories")
    more = so_far.bad > _NAMED and not as_json
    first = f" The first {_NAMED} are named above." if more else ""
    what = f"{lines}, and not queued.{first}"
    raise Mem0TrayError(what, f"Mend what is wrong, and add all of it again: {_TWICE}.")
