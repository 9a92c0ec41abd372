"""`mem0tray uninstall`: what was put into the system is taken away, and the rest is named."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from mem0tray.actions import one_writer, own_folders
from mem0tray.agents import connecting
from mem0tray.agents.table import AGENTS
from mem0tray.cli import arguments, output
from mem0tray.cli.install import WIDEST, make, named, options, parts_of
from mem0tray.cli.output import Style
from mem0tray.config import keyring_key
from mem0tray.config import settings as config
from mem0tray.config.settings import CLAUDE_DIR, SERVER_URL
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, UsageError
from mem0tray.core.state import kill_command
from mem0tray.core.text import plural
from mem0tray.desktop import autostart, session
from mem0tray.desktop.autostart import DISABLED, linux
from mem0tray.system import programs
from mem0tray.system.paths import APP, Paths

_SHARED: Final = "mem0_*"
_COMPLETION: Final = f"{APP} completion"
_OURS: Final = "it is mem0tray's own and yours; `mem0tray uninstall --purge` removes it"
_OTHERS: Final = "other programs use them; `mem0tray uninstall --data` removes them"
_NOT_KNOWN: Final = (
    "the settings are wrong, so mem0tray cannot tell which folder is meant; unless it is named"
    f" above, its {_SHARED} are yours to remove"
)


@arguments.command(
    "uninstall",
    {
        "mem0tray uninstall": "your settings and memories stay",
        "mem0tray uninstall --purge": "mem0tray's own go too, after a question",
        "mem0tray uninstall --data": "and the shared files: queue, dead letters, backups, log",
        "mem0tray uninstall claude-code": "only what leads from Claude Code to mem0tray",
        "mem0tray uninstall --all": "the same for every agent",
    },
)
@options
@click.option("--purge", is_flag=True, help="Remove settings, ledger and embedded server too.")
@click.option("--data", is_flag=True, help="As --purge, and remove the shared files too.")
def uninstall(
    agents: Sequence[str],
    *,
    every: bool,
    parts: Sequence[str],
    dry_run: bool,
    purge: bool,
    data: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove what mem0tray put into the system, and say what stays.

    With an AGENT or --all it removes only what `install` added there. Settings and memories stay,
    unless you say so when asked, or --purge, which also takes the server's key out of the keyring.
    The files that other programs share go only by --data or at your word. Both ask first, name how
    many memories were never delivered, and do nothing while a worker runs.
    """
    if agents or every:
        if purge or data:
            raise click.UsageError("--purge and --data go without an agent and --all.")
        names = named(agents, every=every)
        changes = [each for name in names for each in connecting.plan(name, parts=parts)]
        make(changes, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    if parts or dry_run:
        raise click.UsageError("--mcp, --hooks and --dry-run go with an agent or --all.")
    offers = not (purge or data or yes or as_json) and output.can_ask()
    if offers:
        output.confirm("Take mem0tray out of this system?")
    uninstalling = _Uninstalling(as_json=as_json)
    uninstalling.run(purge=purge or data, data=data, yes=yes, offers=offers)
    if not uninstalling.is_whole:
        raise Mem0TrayError("Not everything was removed.", "What was left is said above.")


class _Uninstalling:
    """What went, what stays with the reason, and notes: what else the user should know."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._loaded = config.read()  # wrong settings do not stand in the way of leaving
        self._settings = self._loaded.settings
        self._knows_folder = CLAUDE_DIR not in self._loaded.unknown
        self._removed: list[str] = []
        self._left: list[tuple[str, str]] = []
        # Said before the question: the settings may be mended first.
        self._notes = [] if self._knows_folder else [*map(str, self._loaded.wrong)]
        self.is_whole = True

    def run(self, *, purge: bool, data: bool, yes: bool, offers: bool) -> None:
        """Do it, and say what was done. Raises Mem0TrayError, UsageError and click.Abort."""
        shared = own_folders.claude_folders(self._loaded)
        service = linux.main_process(linux.UNIT)
        others = [(path, pid) for path, pid in own_folders.running() if not pid or pid != service]
        if purge and others:
            raise own_folders.in_the_way(*others[0])
        offers = offers and not others
        wanted = shared if data or offers else []
        emptied = [folder for folder in wanted if own_folders.shared_files(folder)]
        waiting = self._count(emptied)
        agreed = (purge or offers) and self._agreed(emptied, waiting, yes=yes)
        if agreed:
            own_folders.check(shared)
        elif purge:
            raise click.Abort
        self._take_away()
        if agreed:
            self._take_keys()
            removed, left = own_folders.remove(emptied)
            self._removed += removed
            self._left += left
            self.is_whole &= self._knows_folder or not (data or offers)
        else:
            self._left += [(str(folder), _OURS) for folder in own_folders.all_of_them()]
            for _, pid in others:
                how = f" (process {pid}): `{kill_command(pid)}`, or" if pid else ":"
                self._notes.append(f"A worker still runs{how} Quit in the menu of its icon.")
        self._name_what_stays(shared, emptied if agreed else [])
        self._show()

    def _count(self, emptied: list[Path]) -> int:
        try:
            for paths in map(Paths.for_claude_dir, emptied):
                step = one_writer.keep_in_step(paths, self._settings)
                self._notes += [step.sentence] if step.sentence else []
            waiting, sentences = own_folders.would_be_lost()
            self._notes += sentences
        except (Mem0TrayError, OSError) as error:
            self._notes.append(f"What mem0tray's own folders hold could not be counted: {error}")
            return 0
        return waiting

    def _name_what_stays(self, shared: list[Path], emptied: list[Path]) -> None:
        for folder in shared:
            lock = Paths.for_claude_dir(folder).queue_lock
            if {*folder.glob(_SHARED)} - {lock}:
                why = "mem0tray does not know them" if folder in emptied else _OTHERS
                self._left.append((str(folder / _SHARED), why))
        if not self._knows_folder:
            self._left.append((f"the folder of {CLAUDE_DIR}", _NOT_KNOWN))
        for path in (Path.home() / ".bashrc", Path.home() / ".zshrc"):
            if path.is_file() and _COMPLETION in path.read_text("utf-8", errors="replace"):
                self._left.append((str(path), f"a line in it asks for `{_COMPLETION}`: remove it"))

    def _agreed(self, emptied: list[Path], waiting: int, *, yes: bool) -> bool:
        what = [str(folder) for folder in own_folders.all_of_them()]
        what += [f"queue, dead letters, backups and log in {folder}" for folder in emptied]
        if not what or (self._as_json and yes):
            return True
        if self._as_json:
            raise UsageError("With --json nothing can be asked.", "Add --yes.")
        for line in self._notes:
            output.say_beside("", line, Style.WARNING)
        self._notes.clear()  # it has been said, while it was true
        lost = f", with {plural(waiting, 'memory', 'memories')} not delivered" if waiting else ""
        question = f"Remove {', '.join(what)} for good{lost}?"
        return yes or click.confirm(text.one_line(question, WIDEST))

    def _take_away(self) -> None:
        for name, agent in AGENTS.items():
            for change in connecting.plan(name):
                try:
                    if change.is_needed or change.refusal:
                        connecting.carry_out(change)
                        self._removed.append(f"the {parts_of(change)} in {change.found.path}")
                except Mem0TrayError as error:
                    self._left.append((f"what connects {agent.title}", str(error).rstrip(".")))
                    self.is_whole = False
        with suppress(Mem0TrayError):  # the hooks then stay, and the reason is known
            if plug_in := connecting.plug_in():
                how = f"`claude plugin uninstall {plug_in}` takes it away"
                self._left.append((f"the plug-in {plug_in}", how))
        login = autostart.current()
        was_there = login.state().name != DISABLED
        self._notes += login.disable()
        if was_there and login.state().name == DISABLED:
            self._removed.append(login.where)
        if (entry := linux.application_entry()) is not None:
            self._removed += map(str, entry.remove())
        fish = linux.config_folder(os.environ) / "fish" / "completions" / f"{APP}.fish"
        if fish.exists():
            fish.unlink()
            self._removed.append(str(fish))

    def _take_keys(self) -> None:
        urls = own_folders.servers(self._settings.server.url)
        self._notes += [f"What was delivered to {url} stays there." for url in urls]
        try:
            for url in urls:
                if keyring_key.remove(url):
                    self._removed.append(f"the API key of {url} in the keyring")
        except keyring_key.KeyringUnavailableError as error:
            if self._settings.server.keyring:
                self._notes.append(f"The API key may still be in the keyring. {error.message}")
        if SERVER_URL in self._loaded.unknown:
            self._notes.append("Which server is meant is unknown: its key may be in the keyring.")

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
    if hasattr(sys, "frozen"):  # by the installer for Windows
        return programs.quote(str(Path(sys.executable).with_name("uninstall.exe")))
    if session.in_bundle():
        return f"rm -r {programs.quote(str(Path(sys.executable).parents[2]))}"
    for part, line in (
        ("pipx/venvs", f"pipx uninstall {APP}"),
        ("uv/tools", f"uv tool uninstall {APP}"),
        (f"Cellar/{APP}", f"brew uninstall {APP}"),
        ("usr/lib/python3/dist-packages", f"sudo apt remove {APP}"),
    ):
        if f"/{part}/" in f"{Path(sys.prefix).as_posix()}/ {Path(__file__).as_posix()}":
            return line
    return f"{programs.quote(sys.executable)} -m pip uninstall {APP}"
