"""Connecting a coding agent with mem0tray, and undoing that: planned, shown, carried out.

By a copy in our folder a file is restored byte for byte if nobody has changed it since.
"""

import codecs
import difflib
import json
import os
import re
import shutil
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn

from mem0tray.agents import callers
from mem0tray.agents.callers import Caller
from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.files import atomic, private_folders, temporary
from mem0tray.files.atomic import Signature, TornError
from mem0tray.system import regular_file
from mem0tray.system.paths import data_root

MCP: Final = "mcp"
HOOKS: Final = "hooks"
ALLOW: Final = "allow"  # the tools without a question
# How a part is added and taken out, and how its callers are found.
_Way = tuple[
    Callable[[str, str, Sequence[str]], str],
    Callable[[str, str], str],
    Callable[[str, str], list[Caller]],
]
_WAYS: Final[dict[str, _Way]] = {
    HOOKS: (callers.with_hooks, callers.without_hooks, callers.hooks),
    MCP: (callers.with_server, callers.without_server, callers.servers),
    ALLOW: (callers.with_allowed, callers.without_allowed, lambda *_: []),
}
PARTS: Final = (HOOKS, MCP)
_LARGEST: Final = 32_000_000  # bytes
# The name must not begin like those of the folders that belong to one `claude_dir` each.
_FOLDER: Final = "settings-of-{}"
_NEW: Final = "{}\n"  # the text of a file that is not there
_WRITABLE: Final = 0o222
_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """A settings file in valid JSON or TOML; without one, `data` and `signature` are None.

    `text` is without comments of JSON and a byte order mark.
    """

    path: Path
    data: bytes | None
    text: str
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change of one file, for the `parts` in it.

    `after` is the new content, None for no file; `remarks` say what stays, and why the change must
    not be made, which is its `refusal`.
    """

    agent: str
    parts: tuple[str, ...]
    found: FoundSettings
    after: bytes | None
    adding: bool
    remarks: tuple[str, ...] = ()
    refusal: FileUnavailableError | None = None

    @property
    def is_needed(self) -> bool:
        return self.after != self.found.data

    def difference(self) -> list[str]:
        """Return the lines of a unified difference."""
        path = str(self.found.path)
        before = self.found.text.splitlines() if self.found.data else []
        after = (self.after or b"").decode("utf-8-sig").splitlines()
        return list(difflib.unified_diff(before, after, path, path, lineterm=""))

    def refused(self, why: FileUnavailableError) -> "Change":
        return replace(self, remarks=(*self.remarks, str(why)), refusal=why)


def plan(
    name: str, program: Sequence[str] = (), parts: Sequence[str] = (), *, allow: bool = False
) -> list[Change]:
    """Return the change of each file, for `install`, by which the agent starts `program`.

    Without a program they are those for `uninstall`, and without `parts` for all of them. Of a file
    that cannot be read it is refused, and made as if there were none.
    """
    parts = [each for each in PARTS if each in parts or not parts]
    there: dict[Path, list[str]] = {}
    changes = []
    for part in (*parts, *([ALLOW] if MCP in parts else [])):
        path = file_of(name, part)
        if path and (part != ALLOW or (allow if program else _mark(name, path).exists())):
            there.setdefault(path, []).append(part)
    for path, its in there.items():
        try:
            change = _planned(name, read(name, path), its, program)
        except (FileUnavailableError, ValueError) as error:
            if not (program or _names_us(path)):
                continue
            if isinstance(error, ValueError):  # of TOML that has no place for a further table
                why = f"{path} has no place for a further server ({error})."
                error = FileUnavailableError(why, "Write each as a table, `[mcp_servers.NAME]`.")
            change = _planned(name, _none(path), its, program).refused(error)
        changes.append(change)
    return [each for each in changes if each.parts or each.refusal]


def _names_us(path: Path) -> bool:
    """Return whether a file that makes no sense to us may hold something of ours."""
    try:
        return callers.NAME.encode() in regular_file.read_bytes(path)
    except OSError:
        return True


def refuse(changes: Iterable[Change]) -> None:
    """Raise FileUnavailableError if one of the changes must not be made."""
    for each in changes:
        if each.refusal is not None:
            raise each.refusal


def _planned(name: str, found: FoundSettings, parts: list[str], program: Sequence[str]) -> Change:
    path, after, text = found.path, found.data, _changed(name, parts, found.text, program)
    others = [each for each in parts if each != ALLOW]
    member, value = AGENTS[name].settings.allow
    is_asked = program and ALLOW in parts and not callers.is_list(name)
    hint = f" To allow it, set {member[-1]} to {json.dumps(value)} there." if is_asked else ""
    if program and text == _changed(name, others, found.text, program):
        parts = others  # it was allowed before
    if text != found.text:
        before = () if program else _as_before(found, name, parts)
        after = next(iter(before), _encoded(found, text))
        if after is not None:
            _parsed(name, path, after)
    by_hand = tuple(
        f"{path} already has {each.what}, which you added yourself; it is left as it is."
        f"{hint if part == MCP else ''}"
        for part in parts
        for each in _WAYS[part][2](name, text)
        if not each.installed
    )
    change = Change(name, tuple(parts), found, after, bool(program), by_hand)
    if not change.is_needed or not (why := _refusal(found)):
        return change
    verb = "install" if program else "uninstall"
    how = f"Change by hand there what `mem0tray {verb} {name} --dry-run` shows."
    return change.refused(FileUnavailableError(f"{path} {why}.", how))


def _encoded(found: FoundSettings, text: str) -> bytes:
    mark = codecs.BOM_UTF8 if (found.data or b"").startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode()


def _refusal(found: FoundSettings) -> str:
    """Return why a file that can be read must not be changed; empty if it may be."""
    path = found.path
    if path.is_symlink():
        return f"is a link to {os.path.realpath(path)}"
    is_writable = path.exists() and path.stat().st_mode & _WRITABLE and os.access(path, os.W_OK)
    if found.data is not None and not is_writable:
        return "is read-only"
    text = (found.data or b"").decode("utf-8-sig")
    is_whole = not text.strip() or text == found.text
    return "" if is_whole else "has comments, which no change of ours would keep"


def renew() -> Iterator[Path]:
    """Write hooks that a former version made in the form of today; yield the files.

    Not of an agent that then skips them until a person trusts them anew: `install` renews those,
    and says so. A file that must not be changed stays as it is.
    """
    for name, agent in AGENTS.items():
        path = file_of(name, HOOKS)
        with suppress(FileUnavailableError, OSError):
            if path and not agent.settings.unheard:
                found = read(name, path)
                change = Change(
                    name,
                    (HOOKS,),
                    found,
                    _encoded(found, callers.renewed(name, found.text)),
                    adding=True,
                )
                if found.data is not None and change.after != found.data and not _refusal(found):
                    carry_out(change)
                    yield path


def plug_in() -> str:
    """Return the plug-in that connects Claude Code, if one is on. Raises FileUnavailableError."""
    enabled = json.loads(text_of(CLAUDE_CODE, HOOKS)).get("enabledPlugins")
    names = enabled.items() if isinstance(enabled, dict) else ()
    return next((name for name, on in names if on and name.partition("@")[0] == callers.NAME), "")


def program_of(name: str) -> str:
    """Return the path of the agent's program; empty if there is none."""
    return shutil.which(AGENTS[name].settings.program or name) or ""


def is_there(name: str = CLAUDE_CODE) -> bool:
    """Return whether this computer has the agent: its program, or a file in its folder.

    Claude Code's folder is ours too: there one of its files counts.
    """
    ours, its = map(partial(file_of, name), PARTS), _folder_of(name).rglob("*")
    files = ours if name == CLAUDE_CODE else its
    return bool(program_of(name)) or any(path is not None and path.is_file() for path in files)


def file_of(name: str, part: str) -> Path | None:
    """Return the user's file for a part, in which there may be much else; None without one."""
    form, folder = AGENTS[name].settings, _folder_of(name)
    if part == HOOKS or (part == ALLOW and callers.is_list(name)):
        return folder / form.hooks_file if form.hooks_file else None
    if part == ALLOW and not form.allow[0]:
        return None
    former = folder / ".config.json"
    if name != CLAUDE_CODE or former.exists():
        return former if name == CLAUDE_CODE else folder / form.tools_file
    return (folder if os.environ.get(form.folder[0]) else Path.home()) / form.tools_file


def _folder_of(name: str) -> Path:
    variable, base, within = AGENTS[name].settings.folder
    named = os.environ.get(variable) if variable else ""
    return (Path(named) if named else Path.home() / base) / within


def text_of(name: str, part: str) -> str:
    """Return the text of the file for a part. Raises FileUnavailableError."""
    path = file_of(name, part)
    return _NEW if path is None else read(name, path).text


def untrusted(name: str, hooks: Sequence[Caller]) -> bool:
    """Return whether Codex's settings name one of the hooks not as trusted: it skips that one."""
    if not AGENTS[name].settings.tools_file.endswith(".toml"):
        return False
    known = tomllib.loads(text_of(name, MCP)).get("hooks", {}).get("state")
    for hook in hooks:
        event = re.sub(r"(?<!^)(?=[A-Z])", "_", hook.what).lower()
        key = f"{file_of(name, HOOKS)}:{event}:{hook.place[2]}:{hook.place[-1]}"
        its = known.get(key) if isinstance(known, dict) else None
        if not (isinstance(its, dict) and "trusted_hash" in its):
            return True
    return False


def read(name: str, path: Path) -> FoundSettings:
    """Return a file of the agent. Raises FileUnavailableError if it must not be read or changed."""
    at_first = atomic.signature(path)
    if at_first is not None and at_first.size > _LARGEST:
        _refuse(path, f"is larger than {_LARGEST // 1_000_000} MB", "Make it smaller")
    try:
        found = atomic.read(path)
    except TornError as error:
        raise FileUnavailableError(f"{path} is being written now.", "Try again.") from error
    if found is None:
        return _none(path)
    return FoundSettings(path, found[0], _parsed(name, path, found[0]), found[1])


def _none(path: Path) -> FoundSettings:
    return FoundSettings(path, None, "" if path.suffix == ".toml" else _NEW, None)


def _parsed(name: str, path: Path, data: bytes) -> str:
    """Return the text of a file. Raises FileUnavailableError where it is not as the agent's."""
    is_toml = path.suffix == ".toml"
    try:
        text = data.decode("utf-8-sig")
        if not is_toml:
            text = _COMMENT.sub(lambda found: found[1] or "", text) if text.strip() else _NEW
        document = (
            tomllib.loads(text)
            if is_toml
            else json.loads(text, parse_constant=_constant, object_pairs_hook=_unique)
        )
    except (ValueError, RecursionError) as error:
        what = "TOML" if is_toml else "JSON"
        _refuse(path, f"is no {what} that can be changed without loss ({error})", "Mend it")
    if not isinstance(document, dict):
        _refuse(path, "holds no JSON object", "Mend it")
    if member := callers.odd(name, document):
        title = AGENTS[name].title
        _refuse(path, f"has {member} in another form than {title} reads", "Mend it")
    return text


def _refuse(path: Path, why: str, remedy: str) -> NoReturn:
    raise FileUnavailableError(f"{path} {why}.", f"{remedy}, then try again.")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has two members of one name")
    return found


def carry_out(change: Change) -> Path | None:
    """Make the planned change; return the copy of the former file, None if there was none.

    Raises FileUnavailableError, with the file as it was, if it is refused, or the file changed or
    cannot be written.
    """
    refuse([change])
    found, path, folder = change.found, change.found.path, _folder(change.agent)
    private_folders.make_private_folder(folder)
    allowed, copy = _mark(change.agent, path), None
    if ALLOW in change.parts and change.adding:  # first: a kill must not leave what nobody takes
        atomic.replace(allowed, b"")
    if found.data is not None:
        copy = folder / f"{path.name.removeprefix('.')}.{time.time():.6f}"
        atomic.replace(copy, found.data)
    for place in (path.parent, folder):
        temporary.remove_leftovers(place)  # left by a change that was killed
    if change.after is not None:
        private_folders.make_private_folder(path.parent)
        still_valid = partial(_is_as_found, found)
        done = atomic.replace(path, change.after, still_valid=still_valid) is not None
    elif done := _is_as_found(found):
        path.unlink()
    if not done:
        raise FileUnavailableError(
            f"{path} was changed by another program meanwhile; nothing was written.", "Try again."
        )
    if ALLOW in change.parts and not change.adding:
        allowed.unlink(missing_ok=True)
    return copy


def _folder(name: str) -> Path:
    return data_root() / _FOLDER.format(name)


def _mark(name: str, path: Path) -> Path:
    """Return the file that is there if it was `install` that allowed the tools in `path`."""
    return _folder(name) / f"allowed-{sha256(os.fsencode(path)).hexdigest()}"


def _is_as_found(found: FoundSettings) -> bool:
    return not found.path.is_symlink() and atomic.signature(found.path) == found.signature


def _as_before(found: FoundSettings, name: str, parts: list[str]) -> Iterator[bytes | None]:
    """Yield what a file that is as `install` left it was before (None: there was no file).

    That is a copy of ours, or none, to which `install` adds what stands in the file now.
    """
    ours = (each for part in parts for each in _WAYS[part][2](name, found.text))
    program = next((each.program for each in ours if each.installed), ())
    file = found.path.name.removeprefix(".")
    copies = sorted(_folder(name).glob(f"{file}.*"), reverse=True) if program else []
    for before in (*(copy.read_bytes() for copy in copies), None):
        with suppress(Mem0TrayError, ValueError):  # of a copy in which there is no place for ours
            new = "" if found.path.suffix == ".toml" else _NEW
            text = new if before is None else _parsed(name, found.path, before)
            is_free = program and _changed(name, parts, text, ()) == text
            if is_free and _changed(name, parts, text, program) == found.text:
                yield before


def _changed(name: str, parts: Sequence[str], text: str, program: Sequence[str]) -> str:
    for part in parts:
        with_it, without_it, _ = _WAYS[part]
        text = with_it(name, text, program) if program else without_it(name, text)
    return text
