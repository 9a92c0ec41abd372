"""What the tray needs of the system, and its tests.

pystray and plyer reach a Linux desktop through libraries that come as packages
of the system, for the system's own Python only.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import environment

# In Debian's and Ubuntu's words: PyGObject, the tray's library, D-Bus.
TRAY: Final = ("python3-gi", "gir1.2-ayatanaappindicator3-0.1", "python3-dbus")
TRAY_PROBE: Final = """
import dbus, gi
gi.require_version("Gtk", "3.0")
gi.require_version("AyatanaAppIndicator3", "0.1")
"""
# What the tests need: a command, and the packages that have it.
TEST_TOOLS: Final = (
    ("Xvfb", "xvfb"),  # a display without a screen
    ("dbus-daemon", "dbus-daemon"),  # a session bus
    ("openbox", "openbox"),  # gives windows a place and the keyboard
    ("xfce4-panel", "xfce4-panel"),  # a real panel, for the icon
    ("dunst", "dunst"),  # a real notification daemon
    ("zenity", "zenity"),  # shows dialogs
    ("xclip", "xclip"),  # copies and pastes
    ("xdotool", "xdotool"),  # mouse and keyboard
    ("desktop-file-validate", "desktop-file-utils"),  # checks entries of the autostart folder
    ("gio", "libglib2.0-bin"),  # reads them as desktops do
    ("xfce4-session", "xfce4-session"),  # a real login
    ("dex", "dex"),  # starts them, as a login does
    ("systemd-analyze", "systemd"),  # checks the unit of the service
    ("strace", "strace"),  # kills and errors at a chosen system call
    ("zsh", "zsh"),  # completion is tried in each of the shells;
    ("fish", "fish"),  # bash is there
    ("mandoc", "mandoc"),  # checks the manual page
    ("cc", "gcc libc6-dev"),  # a library that sets a program's clock and shortens its writes
)


def offer_tray() -> None:
    """Where there is a desktop, install what the tray needs, or say how and go on without it."""
    if not (has_display() and environment.is_system_python()) or _tray_is_there():
        return
    why = "mem0tray goes on without its tray where the system's libraries for it are missing."
    with contextlib.suppress(SystemExit):
        environment.need_system(_with_venv(TRAY), why)


def has_test_tools() -> bool:
    """Install what the tests need of the system; where that fails, say how it is done by hand.

    Without it the tests that need nothing of the system still run.
    """
    missing = [name for name, _ in TEST_TOOLS if shutil.which(name) is None]
    packages = " ".join(package for name, package in TEST_TOOLS if name in missing).split()
    if not _tray_is_there():
        missing.append("the tray's libraries")
        packages += TRAY
    if not packages:
        return True
    why = "The tests use a desktop without a screen, strace, shells and a C compiler."
    can_go_on = environment.has_ensurepip()
    if not environment.is_root():
        least = "" if can_go_on else " At least python3-venv is needed."
        why += f" Without them the tests that use {', '.join(missing)} are left out.{least}"
    try:
        environment.need_system(_with_venv(packages), why)
    except SystemExit:
        if not can_go_on:
            raise
        environment.say("Going on without them; pytest names each test that is left out, and why.")
        return False
    return True


def _with_venv(packages: Sequence[str]) -> list[str]:
    """Add what the environment will need next, so that people are asked only once."""
    return [*packages, *([] if environment.has_ensurepip() else ["python3-venv"])]


def has_display() -> bool:
    """Whether somebody sits at a Linux desktop."""
    return sys.platform == "linux" and any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _tray_is_there() -> bool:
    probe = [sys.executable, "-Es", "-c", TRAY_PROBE]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
