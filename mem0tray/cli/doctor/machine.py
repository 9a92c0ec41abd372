"""Checks of what is around us: worker, start at login, desktop, coding agents."""

import atexit
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from mem0tray.actions.server_test import OK, WARN, Check
from mem0tray.agents import callers, connecting
from mem0tray.agents.callers import Caller
from mem0tray.agents.table import AGENTS, CLAUDE_CODE
from mem0tray.cli import config as login
from mem0tray.cli.doctor import HANGS, Examined
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import plural
from mem0tray.desktop import autostart as autostarts
from mem0tray.desktop.autostart import ENABLED, STALE
from mem0tray.files.lock import COMMAND, holder, is_locked
from mem0tray.ledger.reader import Reader
from mem0tray.system import programs
from mem0tray.system.paths import claude_code_folder
from mem0tray.worker.queue import note_folders


def worker(examined: Examined) -> Iterable[Check]:
    """Check whether our worker runs."""
    seen = examined.snapshot
    lock = seen.paths.instance_lock
    if seen.worker is not None:
        since, pid = text.moment(seen.worker.since), seen.worker.pid or "?"
        yield Check("worker", OK, f"It has been running since {since}, process {pid}.")
    elif is_locked(lock) and (command := holder(lock)).run == COMMAND:
        yield Check(
            "worker",
            WARN,
            f"It is not running; a command, process {command.pid or '?'}, is at work in its place.",
            "Wait for that command, or end it if it hangs; then start the worker with"
            " `mem0tray run`.",
        )
    else:
        yield Check("worker", WARN, "It is not running.", "Start it with `mem0tray run`.")


def autostart(_: Examined) -> Iterable[Check]:
    """Check what the system does at login; doing nothing is no fault."""
    system = autostarts.current()
    state = system.state()
    advice = system.advice() if state.name in {ENABLED, STALE} else []
    level = WARN if state.name == STALE or advice else OK
    yield Check("autostart", level, login.sentence(state, system), " ".join(advice))


# The desktop ----------------------------------------------------------------------------

_PATIENCE: Final = 3.0  # seconds for each answer of a notification daemon
_WITHOUT: Final = "Until then `mem0tray run` is the worker without an icon."
_PANELS: Final = {
    "GNOME": "Install the GNOME extension “AppIndicator and KStatusNotifierItem Support” (on Debian"
    " and Ubuntu: `sudo apt-get install gnome-shell-extension-appindicator`), log in again, and"
    " type `gnome-extensions enable ubuntu-appindicators@ubuntu.com`.",
    "XFCE": "Add the tray to the panel: `xfce4-panel --add=systray`.",
    "": "Add a tray to the panel, or start one of its own, such as `stalonetray &`"
    " (on Debian and Ubuntu: `sudo apt-get install stalonetray`).",
}
_OTHERWISE: Final = "Until then the log tells of all."
_AS_SCRIPT_EDITOR: Final = (
    " If not, allow those of Script Editor in System Settings, Notifications: it is listed there"
    ' once it has shown one (`open -a "Script Editor"`, and run: display notification "x").'
)
_SHOW_THEM: Final = {
    "win32": "Start mem0tray in a session that has a desktop.",
    "darwin": "Allow those of mem0tray in System Settings, Notifications.",
}
_SHOW_THEM_ON_LINUX: Final = (
    "Start a notification daemon, such as `dunst &`"
    " (on Debian and Ubuntu: `sudo apt-get install dunst`)."
)


def tray(_: Examined) -> Iterable[Check]:
    """Check session bus, and a panel that shows icons."""
    from mem0tray.desktop import session

    is_part = sys.platform in ("win32", "darwin")
    if is_part and not session.missing():
        yield Check("tray", OK, "It is part of this system.")
        return
    if is_part or not session.names_display(os.environ):
        none = "There is no desktop here: `mem0tray run` is the worker without it."
        yield Check("tray", OK, none)
        return
    bus, why = session.connected()
    if bus is None:
        yield Check("tray", WARN, f"No icon can be shown: {why.rstrip('.')}.", _WITHOUT)
        return
    with bus:
        shown_by = session.shown_by(bus)
    if shown_by:
        menu = "; it has no menu, and a click opens the window" if shown_by == "XEmbed" else ""
        yield Check("tray", OK, f"A panel shows tray icons ({shown_by}){menu}.")
    else:
        desktop = os.environ.get("XDG_CURRENT_DESKTOP", "").upper()
        remedy = next(said for name, said in _PANELS.items() if name in desktop)
        yield Check("tray", WARN, "No panel here shows tray icons.", f"{remedy} {_WITHOUT}")


def notifications(examined: Examined, *, send: bool) -> Iterable[Check]:
    """Check how notifications are shown; `send` shows a test notification."""
    if examined.settings.notifications.level == "none":
        yield Check("notifications", OK, "They are switched off by notifications.level.")
    elif not _has_desktop():
        yield Check("notifications", OK, "There is no desktop here; the log says what happens.")
    else:
        by_bus = sys.platform not in ("win32", "darwin")
        yield _tried(examined.settings.ui.language, over_bus=by_bus, send=send)


def _has_desktop() -> bool:
    from mem0tray.desktop import session

    if sys.platform == "darwin":
        return not session.missing()
    return sys.platform == "win32" or bool(session.bus_address())


def _tried(language: str, *, over_bus: bool, send: bool) -> Check:
    from mem0tray.desktop import notify, session
    from mem0tray.desktop.notify import notice_texts
    from mem0tray.desktop.notify.plyer_backend import await_ends, of_system

    test = notice_texts.test_notice(session.language(language)) if send else None
    backend = of_system()
    way, to = backend.name, ""
    try:
        if over_bus:
            from mem0tray.desktop.bus import SessionBus
            from mem0tray.desktop.notify.dbus import Daemon
            from mem0tray.desktop.tray.icon import notice_icon

            way = Daemon.name
            with SessionBus(session.bus_address()) as bus:
                daemon = Daemon(bus, notice_icon, patience=_PATIENCE)
                to = f" to {daemon.about()}"
                if test is not None:
                    daemon.show(test)
        elif test is not None:
            atexit.register(await_ends)
            backend.show(test)
    except Exception as error:  # noqa: BLE001  (any error of a desktop's library)
        why = f"None can be shown through {way}: {notify.explained(error).rstrip('.')}."
        remedy = _SHOW_THEM.get(sys.platform, _SHOW_THEM_ON_LINUX)
        if isinstance(error, notify.SilentDaemonError):
            remedy = HANGS
        return Check("notifications", WARN, why, f"{remedy} {_OTHERWISE}")
    said = f"They go through {way}{to}"
    if over_bus or backend.tells_failure:
        return Check("notifications", OK, f"{said}.{' A test is on the screen.' if send else ''}")
    said += ", which reports no failure: only you can see whether they are shown."
    look = "Is a test on the screen?" if send else "Does `mem0tray doctor --notify` show one?"
    more = _AS_SCRIPT_EDITOR if sys.platform == "darwin" else ""
    return Check("notifications", WARN, said, f"{look}{more}")


# The coding agents ----------------------------------------------------------------------


def agents(_: Examined) -> Iterable[Check]:
    """Check the agents that are here or connected, and Claude Code: its tools and hooks."""
    for path in connecting.renew():
        yield Check("agents", OK, f"The hooks in {path} were of a former form, and are renewed.")
    for name in AGENTS:
        try:
            if name == CLAUDE_CODE or connecting.is_there(name):
                yield from _agent(name)
        except Mem0TrayError as error:
            yield _odd(name, error.message, error.remedy)


def _agent(name: str) -> Iterator[Check]:
    at_hooks = connecting.text_of(name, connecting.HOOKS)
    servers = callers.servers(name, connecting.text_of(name, connecting.MCP))
    hooks = callers.hooks(name, at_hooks)
    plug_in = connecting.plug_in() if name == CLAUDE_CODE else ""
    found, form = connecting.program_of(name), AGENTS[name].settings
    program = form.program or name
    where = f"The program is {found}." if found else f"The program `{program}` was not found."
    parts = [f"the tools as {each.place[-1]}" for each in servers]
    parts += [plural(len(hooks), "hook")] if hooks else []
    parts += [f"the plug-in {plug_in}"] if plug_in else []
    is_open = bool(found) and not parts
    said = f"Connected: {', '.join(parts)}." if parts else "It is not connected."
    remedy = f"`mem0tray install {name}` connects it." if is_open else ""
    yield Check(AGENTS[name].title.lower(), OK, f"{where} {said}", remedy)
    yield from _odd_callers(name, servers, hooks, plug_in)
    if hooks and json.loads(at_hooks).get("disableAllHooks") is True:
        why = "Its settings switch all hooks off (disableAllHooks): none of ours is called."
        yield _odd(name, why, "Remove that line, if you want them.")
    if callers.renewed(name, at_hooks) != at_hooks:
        why = "Its hooks are of a former form, which disturbs it when mem0tray is gone."
        yield _odd(name, why, f"`mem0tray install {name}` renews them.")
    if connecting.untrusted(name, hooks):
        yield _odd(name, form.unheard)


def _odd_callers(
    name: str, servers: list[Caller], hooks: list[Caller], plug_in: str
) -> Iterator[Check]:
    both = [*servers, *hooks]
    for program in dict.fromkeys(each.program for each in both if each.program):
        if obstacle := programs.obstacle(program[0]):
            remedy = f"`mem0tray install {name}` names it anew."
            yield _odd(name, f"{AGENTS[name].title} starts mem0tray, but {obstacle}.", remedy)
    if plug_in and both:
        yield _odd(
            name,
            f"It has the plug-in {plug_in}, and the same once more in its settings.",
            f"`mem0tray uninstall {name}` takes away the latter.",
        )
    missing = [each for each in AGENTS[name].events if each not in {its.what for its in hooks}]
    if hooks and missing:
        remedy = f"`mem0tray install {name} --hooks` adds it."
        yield _odd(name, f"There is no hook for {', '.join(missing)}.", remedy)


def _odd(name: str, message: str, remedy: str = "") -> Check:
    return Check(AGENTS[name].title.lower(), WARN, message, remedy)


def notes(examined: Examined) -> Iterable[Check]:
    """Name the folders of Claude Code's notes, with the number of these, if they are wanted."""
    if not examined.settings.claude.auto_memory:
        return
    root = claude_code_folder(os.environ).absolute()
    with Reader(examined.paths.ledger) as reader:
        directories = reader.note_directories()
    counts = Counter({root / note_folders.PROJECTS: 0})
    for folder in {each.path: each for each in note_folders.folders(root, directories)}.values():
        place = folder.base if folder.base.is_relative_to(root) else root / folder.path
        counts[place] += len(list(note_folders.notes_in(root, folder)))
    said = ", ".join(f"{plural(number, 'note')} in {place}" for place, number in counts.items())
    yield Check("notes", OK, f"The worker takes in {said}.")
