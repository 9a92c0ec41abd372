"""Connecting Claude Code with mem0tray, and undoing that: planned, shown, carried out."""

import difflib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mem0tray.claude import callers, settings_files
from mem0tray.claude.settings_files import FoundSettings
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError

MCP: Final = "mcp"
HOOKS: Final = "hooks"
# The program `claude`, which adds the tools, may rewrite the file of the hooks when it starts.
PARTS: Final = (HOOKS, MCP)
_LIMIT: Final = 60.0  # seconds for the program `claude`, which starts in one
# What it would do besides, and nobody waits for here.
_QUIET: Final = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
_LINE: Final = 300  # characters of its message


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change of one settings file: `after` is its new content, None for no file.

    `by_claude` are the words after `claude` that have that program make the change, empty if it
    cannot. `program` starts mem0tray. `remarks` say what is left as it is, and why.
    """

    part: str
    found: FoundSettings
    after: bytes | None
    adding: bool
    program: tuple[str, ...] = ()
    by_claude: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return self.after != self.found.data

    def difference(self) -> list[str]:
        """The lines of a unified difference."""
        path = str(self.found.path)
        before, after = (_text(data or b"") for data in (self.found.data, self.after))
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, "", "")
        return [line.rstrip("\n") for line in lines]


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: where the copy of the former file is, and what to say about it."""

    copy: Path | None
    remark: str = ""


# Planning -------------------------------------------------------------------------------------


def additions(parts: Iterable[str], program: Sequence[str]) -> list[Change]:
    """The changes for `install`; `program` are the words that start mem0tray.

    Raises Mem0TrayError if a file must not be changed, or the tools could not start.
    """
    made = []
    for part in parts:
        if part == MCP and importlib.util.find_spec("mcp") is None:
            raise Mem0TrayError(
                "The tools need the package mcp, which is not installed; nothing was changed.",
                "Install mem0tray with it: `pipx install --force '.[mcp]'` in the checkout, or"
                " connect the hooks alone: `mem0tray install claude-code --hooks`.",
            )
        made.append(_addition(part, program))
    name = plug_in()
    if name and any(each.is_needed for each in made):
        remark = (
            f"Claude Code has the plug-in {name} as well: take one way or the other."
            f" `claude plugin uninstall {name}` takes that one away."
        )
        made[-1] = replace(made[-1], remarks=(*made[-1].remarks, remark))
    return made


def plug_in() -> str:
    """The plug-in that connects Claude Code; empty if none is switched on.

    Raises FileUnavailableError if its settings cannot be read.
    """
    return callers.plug_in(_read(HOOKS).text)


def _addition(part: str, program: Sequence[str]) -> Change:
    found = _read(part)
    by_claude: tuple[str, ...] = ()
    if part == MCP:
        text = callers.with_server(found.text, program)
        if not callers.servers(found.text):
            name = callers.NAME
            by_claude = ("mcp", "add", "--scope", "user", name, "--", *program, "mcp")
        there = callers.servers(text)
    else:
        windows = sys.platform == "win32"
        text = callers.with_hooks(found.text, program, windows=windows)
        there = callers.hooks(text)
    after = found.data if text == found.text else _encoded(found, text)
    remarks = tuple(
        f"{found.path} has one for {each.what} that was made by hand: it stays, and none is added."
        for each in there
        if not each.installed
    )
    change = Change(
        part,
        found,
        after,
        adding=True,
        program=tuple(program),
        by_claude=by_claude,
        remarks=remarks,
    )
    if change.is_needed:
        settings_files.refuse_unwritable(found)
    return change


def removals(parts: Iterable[str]) -> list[Change]:
    """The changes for `uninstall`, with what stays. Raises Mem0TrayError as `removal`."""
    made = [removal(part) for part in parts]
    stays = tuple(f"Left is {what}: {how}." for what, how in left())
    return [*made[:-1], replace(made[-1], remarks=(*made[-1].remarks, *stays))]


def left() -> list[tuple[str, str]]:
    """What else starts mem0tray and is for the user to remove, each with how.

    Raises Mem0TrayError if Claude Code's settings cannot be read.
    """
    found = _read(HOOKS)
    told = []
    name = callers.plug_in(found.text)
    if name:
        told.append((f"the plug-in {name}", f"`claude plugin uninstall {name}` takes it away"))
    if callers.has_status_line(found.text):
        told.append((f"statusLine in {found.path}", "it is yours, and calls mem0tray"))
    return told


def removal(part: str) -> Change:
    """The change that uninstalls one part. Raises Mem0TrayError if a file must not be changed."""
    found = _read(part)
    without = callers.without_server if part == MCP else callers.without_hooks
    text = without(found.text)
    after = found.data if text == found.text else _encoded(found, text)
    by_claude: tuple[str, ...] = ()
    if after != found.data:
        settings_files.refuse_unwritable(found)
        is_ours, before = settings_files.as_before(found)
        if is_ours and (before is None or without(_text(before)) == _text(before)):
            after = before
        elif part == MCP:
            by_claude = ("mcp", "remove", "--scope", "user", callers.NAME)
    left = callers.servers(text) if part == MCP else callers.hooks(text)
    remarks = tuple(f"{found.path} has one for {each.what} that was made by hand." for each in left)
    return Change(part, found, after, adding=False, by_claude=by_claude, remarks=remarks)


def _read(part: str) -> FoundSettings:
    where = settings_files.of_servers if part == MCP else settings_files.of_hooks
    found = settings_files.read(where(os.environ))
    try:
        callers.refuse_odd(found.text)
    except Mem0TrayError as error:
        raise FileUnavailableError(f"{found.path}: {error.message}", error.remedy) from error
    return found


def _encoded(found: FoundSettings, text: str) -> bytes:
    try:
        return found.encoded(text)
    except UnicodeEncodeError as error:
        raise Mem0TrayError(
            "The path of mem0tray is not in UTF-8, so that no settings file can name it.",
            "Install it in another folder.",
        ) from error


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig")


# Carrying out ---------------------------------------------------------------------------------


def claude() -> str:
    """The path of the program `claude`; empty if there is none."""
    return shutil.which("claude") or ""


def carry_out(change: Change) -> Done:
    """Make the planned change, by the program `claude` if it can, after making a copy.

    Raises FileUnavailableError if a file has changed since, or cannot be written.
    """
    copy = settings_files.back_up(change.found)
    remark = ""
    if change.by_claude and claude():
        said = _run(change.by_claude)
        if not _is_missing(change):
            return Done(copy)
        remark = f"`claude {' '.join(change.by_claude[:2])}` did not do it ({said}): done without."
        # `claude` may have written other things of its own.
        again = _addition(MCP, change.program) if change.adding else removal(MCP)
        change = replace(again, by_claude=())
    settings_files.write(change.found, change.after, copy, remember=change.adding)
    return Done(copy, remark)


def _is_missing(change: Change) -> bool:
    """Whether the change is still to be made."""
    there = any(each.installed for each in callers.servers(_read(change.part).text))
    return there != change.adding


def _run(words: Sequence[str]) -> str:
    """Run `claude`, and return the last line of what it said."""
    try:
        done = subprocess.run(  # noqa: S603  (the user's own program, asked for its own verbs)
            [claude(), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LIMIT,
            env={**os.environ, **_QUIET},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    lines = done.stdout.decode("utf-8", "replace").split("\n")
    return next((line[:_LINE] for line in reversed(lines) if line.strip()), "it said nothing")
