"""`mem0tray uninstall`: take away what mem0tray put into the system, and say what stays."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click
import platformdirs

from mem0tray.actions import own_folders
from mem0tray.cli import claude_code, interaction, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.context import UsageError
from mem0tray.cli.output import Style
from mem0tray.config import keyring_key
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError, SettingsError
from mem0tray.desktop import autostart
from mem0tray.desktop.autostart import DISABLED, linux
from mem0tray.files import atomic
from mem0tray.system import programs
from mem0tray.system.paths import APP

_SHARED: Final = "mem0_*"
_OTHERS: Final = "other programs use them"
_OURS: Final = "it is mem0tray's own and yours; `mem0tray uninstall --purge` removes it"
_RC_FILES: Final = (".bashrc", ".zshrc")
_COMPLETION: Final = f"{APP} completion"


@dataclass(slots=True)
class _Done:
    """What went, what stays with the reason, and what the user has to do."""

    removed: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@click.command(
    "uninstall",
    cls=Command,
    examples={
        "mem0tray uninstall": "your settings and memories stay",
        "mem0tray uninstall --purge": "they go too, after a question",
        "mem0tray uninstall claude-code": "only what leads from Claude Code to mem0tray",
    },
)
@click.argument("program", required=False, type=claude_code.Program())
@claude_code.options
@click.option("--purge", is_flag=True, help="Remove settings, ledger and embedded server too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    program: str | None,
    *,
    mcp: bool,
    hooks: bool,
    dry_run: bool,
    purge: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove what mem0tray put into the system, and say what stays.

    With `claude-code` it removes only what `install claude-code` added to Claude Code's files;
    --mcp, --hooks and --dry-run go with it. At a terminal you are asked.

    Else it removes the start at login, the desktop entry and icons, the completion, and what it
    added to Claude Code. The settings and the memories of mem0tray stay, unless you say --purge,
    which also takes the server's key out of the keyring, asks first, and does nothing
    while a worker runs. The files that other programs share (mem0_queue.json
    and the others like it) always stay.
    """
    if program is not None:
        if purge:
            raise click.UsageError("--purge goes without claude-code.")
        wanted = claude_code.parts(mcp=mcp, hooks=hooks)
        claude_code.take_away(wanted, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    if mcp or hooks or dry_run:
        raise click.UsageError("--mcp, --hooks and --dry-run go with claude-code.")
    _everything(purge=purge, yes=yes, as_json=as_json)


def _everything(*, purge: bool, yes: bool, as_json: bool) -> None:
    shared = own_folders.claude_folders(Path(_settings().paths.claude_dir))
    service = linux.main_process(linux.UNIT)
    others = [(path, pid) for path, pid in own_folders.running() if not pid or pid != service]
    done = _Done(told=_held())
    if purge:
        if others:
            raise own_folders.in_the_way(*others[0])
        own_folders.check(shared)
        _ask(done.told, yes=yes, as_json=as_json)
    _take_away(done)
    if purge:
        _take_keys(done)
        removed, left = own_folders.remove()
        done.removed += removed
        done.left += left
    else:
        done.left += [(str(folder), _OURS) for folder in own_folders.all_of_them()]
        done.told += [_still_runs(pid) for _, pid in others]
    _tell_of_others(done, shared)
    _show(done, as_json=as_json)


def _settings() -> Settings:
    """The settings; wrong ones do not stand in the way of leaving."""
    try:
        return config.load().settings
    except SettingsError:
        return Settings()


def _held() -> list[str]:
    """What our folders hold, in sentences."""
    try:
        return own_folders.would_be_lost()
    except (Mem0TrayError, OSError) as error:
        return [f"What mem0tray's own folders hold could not be counted: {error}"]


def _ask(held: list[str], *, yes: bool, as_json: bool) -> None:
    """Say what would be lost, and have it confirmed. click.Abort when it is not."""
    folders = own_folders.all_of_them()
    if not folders:
        return
    if as_json:
        if not yes:
            raise UsageError("With --json nothing can be asked.", "Add --yes.")
        return
    for line in held:
        output.say_beside("", line, Style.WARNING)
    held.clear()  # it has been said, while it was true
    if yes:
        return
    names = ", ".join(map(str, folders))
    question = f"Remove {names} for good?"
    if not interaction.consents(
        question, "nothing was changed.", "Use --yes to remove without asking."
    ):
        raise click.Abort


# Taking away ----------------------------------------------------------------------------


def _take_away(done: _Done) -> None:
    """The start at login, Claude Code's, and files that bear our name in places of the system."""
    removed, left = claude_code.taken_away_quietly()
    done.removed += removed
    done.left += left
    login = autostart.current()
    was_there = login.state().name != DISABLED
    done.told += login.disable()
    if was_there and login.state().name == DISABLED:
        done.removed.append(login.where)
    entry = linux.application_entry()
    if entry is not None:
        done.removed += map(str, entry.remove())
    for path in _strewn(os.environ):
        try:
            path.unlink()
        except OSError as error:
            raise atomic.unavailable(path, error) from error
        done.removed.append(str(path))


def _take_keys(done: _Done) -> None:
    """The keys of every server that was ever chosen, out of the system's keyring."""
    for url in own_folders.servers(_settings().server.url):
        try:
            if keyring_key.remove(url):
                done.removed.append(f"the API key of {url} in the keyring")
        except keyring_key.KeyringUnavailableError as error:
            if _settings().server.keyring:
                done.told.append(f"The API key may still be in the keyring. {error.message}")
            return


def _strewn(environ: Mapping[str, str]) -> Iterator[Path]:
    """Our completion, found by its names in its usual places."""
    if sys.platform == "win32":
        return
    data = platformdirs.user_data_path()
    fish = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "fish"
    patterns = (
        (data, f"bash-completion/completions/{APP}"),
        (data, f"zsh/site-functions/_{APP}"),
        (fish, f"completions/{APP}.fish"),
    )
    for folder, pattern in patterns:
        yield from sorted(folder.glob(pattern))


# Telling --------------------------------------------------------------------------------


def _tell_of_others(done: _Done, shared: list[Path]) -> None:
    """What is never removed: the shared files, and lines of the user's own."""
    for folder in shared:
        found = list(folder.glob(_SHARED)) if folder.is_dir() else []
        if found:
            done.left.append((str(folder / _SHARED), _OTHERS))
        log = folder / "logs" / "mem0_worker.log"
        if log.exists():
            done.left.append((str(log), "it tells what became of your memories"))
    for name in _RC_FILES:
        path = Path.home() / name
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if _COMPLETION in text:
            where = programs.quote(str(path))
            command = f"`sed -i.bak '/{_COMPLETION}/d' {where}`"
            done.left.append((str(path), f"a line in it asks for completion; {command} removes it"))


def _still_runs(pid: int | None) -> str:
    if pid is None:
        return "A worker still runs: stop it with Quit in the menu of its icon."
    stop = own_folders.stop_command(pid)
    return f"A worker still runs (process {pid}): stop it with {stop}, or Quit in its menu."


def _show(done: _Done, *, as_json: bool) -> None:
    program = _program()
    if as_json:
        document: dict[str, Any] = {
            "removed": done.removed,
            "left": [{"path": path, "why": why} for path, why in done.left],
            "notes": done.told,
            "remove_program": program,
        }
        output.print_json(document)
        return
    for path in done.removed:
        output.say_beside("removed  ", path, Style.GOOD)
    if not done.removed:
        output.say("Nothing of mem0tray was found outside its own folders.")
    for path, why in done.left:
        output.say_beside("left     ", f"{path}: {why}.", Style.WARNING)
    for line in done.told:
        output.say_beside("", line)
    output.say_beside("", f"Finally, remove the program itself: `{program}`.")


def _program() -> str:
    """The command that removes the program, as it was installed."""
    image = os.environ.get("APPIMAGE")
    if image and os.environ.get("APPDIR") and sys.prefix.startswith(os.environ["APPDIR"]):
        return f"rm {programs.quote(image)}"
    parts = Path(sys.prefix).parts
    for pair, line in (
        (("pipx", "venvs"), f"pipx uninstall {APP}"),
        (("uv", "tools"), f"uv tool uninstall {APP}"),
        (("Cellar", APP), f"brew uninstall {APP}"),
    ):
        if pair in pairwise(parts):
            return line
    return f"{programs.quote(sys.executable)} -m pip uninstall {APP}"
