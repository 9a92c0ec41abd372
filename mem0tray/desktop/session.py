"""The session that this process is in: its desktop, its language, and opening files there."""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.desktop.bus import SessionBus  # slow, and the terminal does without

_CORE_GRAPHICS: Final = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"
# Of whichever greeter is installed: systemd's alias, and Debian's own note.
_GREETERS: Final = ("etc/systemd/system/display-manager.service", "etc/X11/default-display-manager")
_SESSIONS: Final = ("usr/share/xsessions", "usr/share/wayland-sessions")
BUNDLE: Final = "org.mem0tray.mem0tray"  # on macOS; `tool.briefcase` has its two parts
STATUS_NOTIFIER: Final = "StatusNotifierItem"
XEMBED: Final = "XEmbed"
WATCHER: Final = "org.kde.StatusNotifierWatcher"
WATCHER_PATH: Final = "/StatusNotifierWatcher"
_ANSWER: Final = 2.0  # seconds for a panel


def missing() -> str:
    """Return why no tray can be shown here; empty when nothing is missing."""
    bus, why = connected()
    if bus is not None:
        bus.close()
    return why


def connected() -> "tuple[SessionBus | None, str]":
    """Return the bus over which an icon is shown (Linux), or why no icon can be shown."""
    if sys.platform == "win32":
        return None, ""
    if sys.platform == "darwin":
        return None, "" if at_screen() else "There is no desktop here (no login at the screen)."
    if not names_display(os.environ):
        return None, "There is no desktop here (no DISPLAY)."
    from mem0tray.desktop.bus import BusError, SessionBus

    bus = SessionBus(bus_address())
    try:
        bus.connect()
    except BusError as error:
        bus.close()
        return None, error.message
    return bus, ""


def bus_address(environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the session bus (Linux), without asking it; empty if there is none."""
    socket = Path(environ.get("XDG_RUNTIME_DIR") or "/nonexistent", "bus")
    here = f"unix:path={quote(str(socket))}" if socket.exists() else ""
    return environ.get("DBUS_SESSION_BUS_ADDRESS") or here


def at_screen() -> bool:
    """Return whether we belong to a login at the screen (macOS): else AppKit ends the process."""
    import ctypes

    session = ctypes.CDLL(_CORE_GRAPHICS).CGSessionCopyCurrentDictionary
    session.restype = ctypes.c_void_p
    return bool(session())


def in_bundle() -> bool:
    """Return whether this is our app (macOS), which ends others that want what one alone has."""
    if sys.platform == "darwin" and Path(sys.executable).parent.name == "MacOS":
        import Foundation

        return bool(Foundation.NSBundle.mainBundle().bundleIdentifier() == BUNDLE)
    return False


def names_display(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a display (Linux)."""
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def is_desktop(environ: Mapping[str, str]) -> bool:
    """Return whether we are part of a desktop here (Linux), not over ssh or in WSL alone."""
    if environ.get("SSH_CONNECTION") and not environ.get("WAYLAND_DISPLAY"):
        return environ.get("DISPLAY", "").startswith(":")
    starts = not environ.get("WSL_DISTRO_NAME") or bool(environ.get("XDG_CURRENT_DESKTOP"))
    return names_display(environ) and starts


def has_desktop(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Return whether the user logs in to a desktop here, now or by a login screen (Linux)."""
    greets = any(os.path.lexists(root / each) for each in _GREETERS)
    chosen = any(any((root / each).glob("*.desktop")) for each in _SESSIONS)
    return is_desktop(environ) or (greets and chosen)


def nests_menus(environ: Mapping[str, str]) -> bool:
    """Return whether a submenu of ours may have submenus; GNOME leaves these out."""
    return "gnome" not in environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")


def shown_by(bus: "SessionBus") -> str:
    """Return the way by which icons reach a panel now; empty when nothing shows icons."""
    from dbus_fast import Message, MessageFlag

    from mem0tray.desktop.bus import BusError

    what = (WATCHER, WATCHER_PATH, "org.freedesktop.DBus.Properties", "Get")
    name = [WATCHER, "IsStatusNotifierHostRegistered"]
    question = Message(*what, signature="ss", body=name, flags=MessageFlag.NO_AUTOSTART)
    with suppress(BusError):
        if bus.call(question, _ANSWER) == [True]:
            return STATUS_NOTIFIER
    return XEMBED if _has_xembed_tray() else ""


def _has_xembed_tray() -> bool:
    if not os.environ.get("DISPLAY"):
        return False
    from Xlib import X
    from Xlib import display as displays
    from Xlib.error import DisplayError, XError

    try:
        with closing(displays.Display()) as display:
            tray = display.intern_atom(f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}")
            return bool(display.get_selection_owner(tray) != X.NONE)
    except (DisplayError, XError, OSError):
        return False


_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in gettext's order
_PATIENCE: Final = 2.0  # seconds for macOS to answer


def language(setting: str = "", environ: Mapping[str, str] = os.environ) -> Language:
    """Return the language that the settings name (`ui.language`), else the system's own."""
    return Language(setting or _of_the_system(environ))


def _of_the_system(environ: Mapping[str, str]) -> str:
    named = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    if sys.platform == "darwin":  # an app from the Dock has no LANG
        question = ("/usr/bin/defaults", "read", "-g", "AppleLanguages")
        said = programs.answer(*question, patience=_PATIENCE) or ""
        return next((word for line in said.split("\n") if (word := line.strip(' ",()'))), named)
    if sys.platform == "win32":
        import ctypes
        import locale

        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return locale.windows_locale.get(number, named)
    return named.partition(":")[0]


# The variable with a panel's permission to bring what a click opens to the front (Wayland).
TOKEN: Final = "XDG_ACTIVATION_TOKEN"  # noqa: S105  (the name of a variable)
Failed = Callable[[Mem0TrayError], object]
_BY_HAND: Final = Reason("Open it by hand.")


def show(path: Path, failed: Failed = lambda _: None, *, edits: bool = False) -> None:
    """Open a file or folder; `edits`: a text file, for editing. Raises Mem0TrayError.

    Calls `failed`, on a thread of its own, if the opener gives up later.
    """
    name = str(path.expanduser().absolute())  # so that it never looks like an option
    if not Path(name).exists():
        raise FileUnavailableError(
            Reason("{path} does not exist.", path=name), Reason("It is made when it is needed.")
        )
    words = ["xdg-open"]
    if sys.platform == "darwin":
        words = ["open", "-t"] if edits else ["open"]  # `-t`: in the text editor
    try:
        if sys.platform == "win32":
            try:
                os.startfile(name)  # noqa: S606  (one checked name)
            except OSError:
                if not edits:
                    raise
                words = ["notepad.exe"]
            else:
                return
        _start(words, name, failed)
    except OSError as error:
        why = reasons.of_system(error)
        text = Reason("{path} cannot be opened: {why}.", path=name, why=why)
        raise Mem0TrayError(text, _BY_HAND) from error


def _start(words: list[str], name: str, failed: Failed) -> None:
    program = shutil.which(words[0])
    if program is None:
        what = Reason(
            "{path} cannot be opened: the program {program} is missing.",
            path=name,
            program=words[0],
        )
        raise Mem0TrayError(what, Reason("Install it (package xdg-utils)."))
    process = programs.started([program, *words[1:], name])

    def collect() -> None:  # until then it would be a zombie
        if process.wait():
            failed(no_program(name))

    threading.Thread(target=collect, name="opener", daemon=True).start()


def no_program(name: str) -> Mem0TrayError:
    """Make the error for a file that no program here opens."""
    return Mem0TrayError(Reason("No program was found that opens {path}.", path=name), _BY_HAND)
