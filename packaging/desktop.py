"""What the tests need of the system: a desktop without a screen, and other programs."""

import shutil
from typing import Final

import environment

# What the tests need: a command, and the packages that have it.
TEST_TOOLS: Final = (
    ("Xvfb", "xvfb"),  # a display without a screen
    ("dbus-daemon", "dbus-daemon"),  # a session bus
    ("openbox", "openbox"),  # gives windows a place and the keyboard
    ("xfce4-panel", "xfce4-panel"),  # a real panel, for the icon
    ("stalonetray", "stalonetray"),  # a panel of the older kind
    ("dunst", "dunst"),  # a real notification daemon
    ("zenity", "zenity"),  # shows dialogs
    ("gnome-keyring-daemon", "gnome-keyring"),  # a real keyring
    ("xclip", "xclip"),  # copies and pastes
    ("xdotool", "xdotool"),  # mouse and keyboard
    ("desktop-file-validate", "desktop-file-utils"),  # checks entries of the autostart folder
    ("gio", "libglib2.0-bin"),  # reads them as desktops do
    ("xfce4-session", "xfce4-session"),  # a real login
    ("plistutil", "libplist-utils"),  # reads property lists, as launchd does
    ("systemd-analyze", "systemd"),  # checks the unit of the service
    ("chromium-headless-shell", "chromium-headless-shell"),  # a real browser, for the window
    ("ps", "procps"),  # names a process where there is no /proc
    ("strace", "strace"),  # kills and errors at a chosen system call
    ("mandoc", "mandoc"),  # checks the manual page
    ("cc", "gcc libc6-dev"),  # a library that sets a program's clock and shortens its writes
)


def has_test_tools() -> bool:
    """Install what the tests need of the system; where that fails, say how it is done by hand.

    Without it the tests that need nothing of the system still run.
    """
    missing = [name for name, _ in TEST_TOOLS if shutil.which(name) is None]
    packages = " ".join(package for name, package in TEST_TOOLS if name in missing).split()
    if not packages:
        return True
    why = (
        "The tests use a desktop without a screen, strace, shells and a C compiler; to install"
        " all of it on a bare system takes some minutes."
    )
    can_go_on = environment.has_ensurepip()  # else people are asked for that as well, this once
    if not environment.is_root():
        least = "" if can_go_on else " At least python3-venv is needed."
        why += f" Without them the tests that use {', '.join(missing)} are left out.{least}"
    try:
        environment.need_system([*packages, *([] if can_go_on else ["python3-venv"])], why)
    except SystemExit:
        if not can_go_on:
            raise
        environment.say("Going on without them; pytest names each test that is left out, and why.")
        return False
    return True
