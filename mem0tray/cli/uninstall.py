"""`mem0tray uninstall`: take away what mem0tray put into the system, and say what stays."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from mem0tray.actions import own_folders
from mem0tray.claude import connecting
from mem0tray.cli import arguments, claude_code, output
from mem0tray.cli.output import Style
from mem0tray.config import keyring_key
from mem0tray.config import settings as config
from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError, SettingsError, UsageError
from mem0tray.desktop import autostart
from mem0tray.desktop.autostart import DISABLED, linux
from mem0tray.system import programs
from mem0tray.system.paths import APP

_SHARED: Final = "mem0_*"
_OURS: Final = "it is mem0tray's own and yours; `mem0tray uninstall --purge` removes it"
_RC_FILES: Final = (".bashrc", ".zshrc")
_COMPLETION: Final = f"{APP} completion"


@arguments.command(
    "uninstall",
    {
        "mem0tray uninstall": "your settings and memories stay",
        "mem0tray uninstall --purge": "they go too, after a question",
        "mem0tray uninstall claude-code": "only what leads from Claude Code to mem0tray",
    },
)
@click.argument("program", required=False, type=claude_code.Program())
@claude_code.options
@click.option("--purge", is_flag=True, help="Remove settings, ledger and embedded server too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@arguments.json_option()
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
        changes = connecting.removals(claude_code.parts(mcp=mcp, hooks=hooks))
        claude_code.make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    if mcp or hooks or dry_run:
        raise click.UsageError("--mcp, --hooks and --dry-run go with claude-code.")
    _Uninstalling(as_json=as_json).run(purge=purge, yes=yes)


class _Uninstalling:
    """What went, what stays with the reason, and notes: what else the user should know."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        try:
            self._settings = config.load().settings
        except SettingsError:  # wrong ones do not stand in the way of leaving
            self._settings = Settings()
        self._removed: list[str] = []
        self._left: list[tuple[str, str]] = []
        self._notes: list[str] = []

    def run(self, *, purge: bool, yes: bool) -> None:
        """Do it, and say what was done. Raises Mem0TrayError, UsageError and click.Abort."""
        shared = own_folders.claude_folders(Path(self._settings.paths.claude_dir))
        service = linux.main_process(linux.UNIT)
        others = [(path, pid) for path, pid in own_folders.running() if not pid or pid != service]
        try:
            self._notes += own_folders.would_be_lost()
        except (Mem0TrayError, OSError) as error:
            self._notes.append(f"What mem0tray's own folders hold could not be counted: {error}")
        if purge:
            if others:
                raise own_folders.in_the_way(*others[0])
            own_folders.check(shared)
            self._ask(yes=yes)
        self._take_away()
        if purge:
            self._take_keys()
            removed, left = own_folders.remove()
            self._removed += removed
            self._left += left
        else:
            self._left += [(str(folder), _OURS) for folder in own_folders.all_of_them()]
            for _, pid in others:
                how = (
                    f" (process {pid}): {own_folders.stop_command(pid)}, or"
                    if pid
                    else ": stop it by"
                )
                self._notes.append(f"A worker still runs{how} Quit in the menu of its icon.")
        self._name_what_stays(shared)
        self._show()

    def _name_what_stays(self, shared: list[Path]) -> None:
        """Name what is never removed: the shared files, and lines of the user's own."""
        for folder in shared:
            if folder.is_dir() and any(folder.glob(_SHARED)):
                self._left.append((str(folder / _SHARED), "other programs use them"))
            log = folder / "logs" / "mem0_worker.log"
            if log.exists():
                self._left.append((str(log), "it tells what became of your memories"))
        for path in (Path.home() / name for name in _RC_FILES):
            if path.is_file() and _COMPLETION in path.read_text("utf-8", errors="replace"):
                self._left.append((str(path), f"a line in it asks for `{_COMPLETION}`: remove it"))

    def _ask(self, *, yes: bool) -> None:
        folders = own_folders.all_of_them()
        if not folders:
            return
        if self._as_json:
            if not yes:
                raise UsageError("With --json nothing can be asked.", "Add --yes.")
            return
        for line in self._notes:
            output.say_beside("", line, Style.WARNING)
        self._notes.clear()  # it has been said, while it was true
        question = f"Remove {', '.join(map(str, folders))} for good?"
        remedy = "Use --yes to remove without asking."
        if not (yes or output.consents(question, "nothing was changed.", remedy)):
            raise click.Abort

    def _take_away(self) -> None:
        removed, left = claude_code.taken_away_quietly()
        self._removed += removed
        self._left += left
        login = autostart.current()
        was_there = login.state().name != DISABLED
        self._notes += login.disable()
        if was_there and login.state().name == DISABLED:
            self._removed.append(login.where)
        entry = linux.application_entry()
        if entry is not None:
            self._removed += map(str, entry.remove())
        fish = linux.config_folder(os.environ) / "fish" / "completions" / f"{APP}.fish"
        if fish.exists():
            fish.unlink()
            self._removed.append(str(fish))

    def _take_keys(self) -> None:
        for url in own_folders.servers(self._settings.server.url):
            try:
                if keyring_key.remove(url):
                    self._removed.append(f"the API key of {url} in the keyring")
            except keyring_key.KeyringUnavailableError as error:
                if self._settings.server.keyring:
                    self._notes.append(f"The API key may still be in the keyring. {error.message}")
                return

    def _show(self) -> None:
        program = _program()
        if self._as_json:
            left = [{"path": path, "why": why} for path, why in self._left]
            document = {"removed": self._removed, "left": left, "notes": self._notes}
            output.print_json(document | {"remove_program": program})
            return
        for path in self._removed:
            output.say_beside("removed  ", path, Style.GOOD)
        if not self._removed:
            output.say("Nothing of mem0tray was found outside its own folders.")
        for path, why in self._left:
            output.say_beside("left     ", f"{path}: {why}.", Style.WARNING)
        for line in (*self._notes, f"Finally, remove the program itself: `{program}`."):
            output.say_beside("", line)


def _program() -> str:
    image = os.environ.get("APPIMAGE")
    if image and os.environ.get("APPDIR") and sys.prefix.startswith(os.environ["APPDIR"]):
        return f"rm {programs.quote(image)}"
    for part, line in (
        ("pipx/venvs", f"pipx uninstall {APP}"),
        ("uv/tools", f"uv tool uninstall {APP}"),
        (f"Cellar/{APP}", f"brew uninstall {APP}"),
    ):
        if f"/{part}/" in f"{Path(sys.prefix).as_posix()}/":
            return line
    return f"{programs.quote(sys.executable)} -m pip uninstall {APP}"
