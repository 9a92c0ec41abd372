"""The desktops: what is particular to each. To add one, see README.md."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.desktops import steps
from tests.desktops.nested import NOTIFICATIONS, SESSION_BUS, SIZE, START, X_SERVER, Nested
from tests.support.processes import wait_until
from tests.support.sni import WATCHER

if TYPE_CHECKING:
    from tests.desktops.trial import Trial

WIDTH, HEIGHT = SIZE
# What every desktop needs: a screen, buses, mouse and keyboard, a font, who reads the screen, a
# browser, and what opens it; and EGL, which a real X server brings: without it GTK 4 draws over
# GLX, of which XFCE's compositor shows nothing.
PACKAGES: Final = (
    "xvfb xauth hsetroot xdotool wl-clipboard dbus iproute2 util-linux fonts-dejavu-core"
    " adwaita-icon-theme hicolor-icon-theme tesseract-ocr chromium xdg-utils libegl1"
)
Start = Callable[[Nested], object]


@dataclass(frozen=True)
class Desk:
    """One desktop: its Debian packages as words, the variables that programs know it by, its start.

    `start` starts its parts in a screen and returns when a tray and a notification daemon are
    there. `lacks` says for a step (tests/desktops/steps.py) why this desktop cannot show it;
    the step is tried all the same. `steps` are other ones than the usual. `clicks` is how many
    with the left button activate an icon. `nests`: a submenu has submenus. `parts` are the parts
    that are killed in turn, each by the name under which `start` started it, with what starts it
    again.
    """

    name: str
    title: str
    packages: str
    marks: Mapping[str, str]
    start: Start
    lacks: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, Callable[["Trial"], str]] = field(default_factory=dict)
    clicks: int = 1
    nests: bool = True
    parts: Mapping[str, Start] = field(default_factory=dict)


def _groundwork(start: Start) -> dict[str, Start]:
    """X server and session bus as parts: with another one the whole desktop is started anew."""

    def with_another_server(nested: Nested) -> None:
        nested.start_display()
        start(nested)

    def with_another_bus(nested: Nested) -> None:
        nested.start_bus(SESSION_BUS)
        start(nested)

    return {X_SERVER: with_another_server, SESSION_BUS: with_another_bus}


def _part(name: str, *command: str, owns: str = "", window: str = "") -> Start:

    def start(nested: Nested) -> None:
        nested.start(command, name)
        if owns:
            nested.wait_owner(owns)
        if window:
            nested.screen.wait_window(lambda seen: seen.program == window, what=f"the {name}")

    return start


def _in_turn(*parts: Start) -> Start:
    def start(nested: Nested) -> None:
        for each in parts:
            each(nested)

    return start


def _settings(name: str, text: str) -> Start:
    """Make what writes a file of settings."""
    return lambda nested: nested.configure(name, text)


def _daemon(*command: str) -> Start:
    return _part("notification daemon", *command, owns=NOTIFICATIONS)


# On X11 ---------------------------------------------------------------------------------------

_XFCE_PANEL: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="double" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="30"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/><value type="int" value="2"/><value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="applicationsmenu"/>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray"/>
  </property>
</channel>
"""
_LXQT_PANEL: Final = """\
[General]
iconTheme=Adwaita
panels=panel1

[panel1]
alignment=-1
desktop=0
hidable=false
iconSize=22
lineCount=1
panelSize=32
plugins=mainmenu, spacer, statusnotifier
position=Top
width=100
width-percent=true

[mainmenu]
alignment=Left
type=mainmenu

[spacer]
alignment=Left
type=spacer
expandable=true

[statusnotifier]
alignment=Right
type=statusnotifier
"""
_LXQT_LOOK: Final = """\
[General]
theme=Clearlooks
icon_theme=Adwaita

[Qt]
font="Sans,10,-1,5,50,0,0,0,0,0"
style=Fusion
"""


def _on_x(
    name: str, title: str, packages: str, marks: Mapping[str, str], before: Start, daemon: Start,
    panel: Start,
) -> Desk:  # fmt: skip
    start = _in_turn(before, daemon, panel)
    return Desk(
        name,
        title,
        packages,
        {"XDG_SESSION_TYPE": "x11", **marks},
        start,
        parts={"panel": panel, "notification daemon": daemon, **_groundwork(start)},
    )


XFCE: Final = _on_x(
    "xfce",
    "XFCE 4.20",
    "xfce4-panel xfwm4 xfce4-notifyd xfconf exo-utils zenity",
    {"XDG_CURRENT_DESKTOP": "XFCE"},
    _in_turn(
        _settings("xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", _XFCE_PANEL),
        _part("window manager", "xfwm4"),
    ),
    _daemon("/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd"),
    _part("panel", "xfce4-panel", "--disable-wm-check", owns=WATCHER, window="Xfce4-panel"),
)
MATE: Final = _on_x(
    "mate",
    "MATE 1.26",
    "mate-panel mate-settings-daemon-common mate-notification-daemon marco zenity",
    {"XDG_CURRENT_DESKTOP": "MATE"},
    _part("window manager", "marco"),
    _daemon("/usr/libexec/mate-notification-daemon/mate-notification-daemon"),
    _part("panel", "mate-panel", owns=WATCHER, window="Mate-panel"),
)
LXQT: Final = _on_x(
    "lxqt",
    "LXQt 2.1",
    # kdialog is Qt's, as the desktop is: it would be preferred to zenity.
    "lxqt-panel lxqt-notificationd lxqt-themes lxqt-qtplugin openbox kdialog",
    {"XDG_CURRENT_DESKTOP": "LXQt", "QT_QPA_PLATFORMTHEME": "lxqt"},
    _in_turn(
        _settings("lxqt/panel.conf", _LXQT_PANEL),
        _settings("lxqt/lxqt.conf", _LXQT_LOOK),
        _part("window manager", "openbox", "--sm-disable"),
    ),
    _daemon("lxqt-notificationd"),
    _part("panel", "lxqt-panel", owns=WATCHER, window="lxqt-panel"),
)
# Window manager, panel and notification daemon in one.
_start_cinnamon: Final = _in_turn(
    _part("panel", "cinnamon", owns=NOTIFICATIONS),
    _part("watcher", "/usr/lib/x86_64-linux-gnu/xapps/xapp-sn-watcher", owns=WATCHER),
    lambda nested: nested.wait_still(3.0),
)
CINNAMON: Final = Desk(
    name="cinnamon",
    title="Cinnamon 6.4",
    packages="cinnamon xapp-sn-watcher libgl1-mesa-dri zenity xclip",
    marks={"XDG_CURRENT_DESKTOP": "X-Cinnamon", "XDG_SESSION_TYPE": "x11"},
    start=_start_cinnamon,
    parts={"panel": _start_cinnamon, **_groundwork(_start_cinnamon)},
)

# On Wayland, in a window of the X server --------------------------------------------------------

_DISPLAYS: Final = Path("/tmp/.X11-unix")  # noqa: S108  (X has it there)


def _start_wayland(
    nested: Nested, command: Sequence[str], name: str, socket: str, env: Mapping[str, str]
) -> None:
    """Start a compositor with its own Xwayland at `socket`; have the desktop's programs join it."""
    file = Path(nested.env["XDG_RUNTIME_DIR"], socket)
    file.unlink(missing_ok=True)  # of one that was killed
    before = _displays()
    nested.start(command, name, {"DISPLAY": nested.display, **env})
    wait_until(file.exists, START, name, explain=nested.errors)
    wait_until(lambda: _displays() - before, START, "Xwayland", explain=nested.errors)
    display, _ = min(_displays() - before)
    nested.env |= {"WAYLAND_DISPLAY": socket, "DISPLAY": f":{display[1:]}"}
    # Without these the services that the bus starts have no display, and plasmashell gives up.
    nested.start(["dbus-update-activation-environment", "--all"], "variables").wait(START)


def _displays() -> set[tuple[str, int]]:
    """The sockets of X servers: names, and numbers that are others once one is made anew."""
    return {(each.name, each.stat().st_ino) for each in _DISPLAYS.iterdir()}


_SWAY: Final = f"""\
output * resolution {WIDTH}x{HEIGHT} bg #3a5a6a solid_color
default_border none
exec env | grep -E '^(SWAYSOCK|WAYLAND_DISPLAY|DISPLAY)=' > $HOME/joined
for_window [title=".*"] floating enable
"""
_WAYBAR: Final = """\
{"layer": "top", "position": "top", "height": 30, "modules-left": ["sway/workspaces"],
 "modules-right": ["tray"], "tray": {"icon-size": 20, "spacing": 10}}
"""


def _start_compositor(nested: Nested) -> None:
    joined = nested.folder / "home" / "joined"
    joined.unlink(missing_ok=True)
    outer = {"DISPLAY": nested.display, "WLR_BACKENDS": "x11", "WLR_RENDERER": "pixman"}
    nested.start(["sway"], "compositor", outer)
    wait_until(lambda: joined.exists() and joined.read_text(), START, "sway")
    lines = joined.read_text(encoding="utf-8").splitlines()
    nested.env |= dict(line.split("=", 1) for line in lines)


_mako, _waybar = _daemon("mako"), _part("panel", "waybar", owns=WATCHER)
_start_sway: Final = _in_turn(
    _settings("sway/config", _SWAY),
    _settings("waybar/config", _WAYBAR),
    _start_compositor,
    _mako,
    _waybar,
)
SWAY: Final = Desk(
    name="sway",
    title="sway 1.10 + waybar + mako",
    packages="sway waybar mako-notifier xwayland zenity",
    marks={"XDG_CURRENT_DESKTOP": "sway", "XDG_SESSION_TYPE": "wayland"},
    start=_start_sway,
    lacks={"its button": "mako shows no buttons; a click on the notification shows the status"},
    parts={
        "panel": _waybar,
        "notification daemon": _mako,
        "compositor": _start_sway,
        SESSION_BUS: _groundwork(_start_sway)[SESSION_BUS],
    },
)


def _start_kwin(nested: Nested) -> None:
    command = ["kwin_wayland", "--x11-display", nested.display, "--socket", "wayland-kde"]
    command += [f"--width={WIDTH}", f"--height={HEIGHT}", "--xwayland"]
    command += ["--no-lockscreen", "--no-global-shortcuts"]
    _start_wayland(nested, command, "compositor", "wayland-kde", {"QT_QPA_PLATFORM": ""})


_kded: Final = _part("watcher", "kded6", owns=WATCHER)
_plasmashell: Final = _part("panel", "plasmashell", "--no-respawn", owns=NOTIFICATIONS)
_start_kde: Final = _in_turn(
    _settings("kdeglobals", "[KDE]\nAnimationDurationFactor=0\n"),
    _settings("kscreenlockerrc", "[Daemon]\nAutolock=false\nLockOnResume=false\n"),
    _start_kwin,
    _kded,
    _plasmashell,
)
KDE: Final = Desk(
    name="kde",
    title="KDE Plasma 6.3, Wayland",
    packages=(
        "plasma-workspace plasma-desktop plasma-integration kwin-wayland xwayland breeze"
        " breeze-icon-theme libgl1-mesa-dri dbus-x11 kdialog kde-cli-tools wl-clipboard"
    ),
    marks={
        "XDG_CURRENT_DESKTOP": "KDE",
        "XDG_SESSION_TYPE": "wayland",
        "XDG_SESSION_DESKTOP": "KDE",
        "XDG_MENU_PREFIX": "plasma-",
        "KDE_FULL_SESSION": "true",
        "KDE_SESSION_VERSION": "6",
        "KWIN_COMPOSE": "Q",
        "QT_QUICK_BACKEND": "software",
        "QT_QPA_PLATFORM": "wayland",
    },
    start=_start_kde,
    parts={
        "panel": _plasmashell,
        "watcher": _kded,
        "compositor": _start_kde,
        SESSION_BUS: _groundwork(_start_kde)[SESSION_BUS],
    },
)

_GNOME_PACKAGES: Final = (
    "gnome-shell gnome-session xwayland libgl1-mesa-dri libglib2.0-bin dbus-x11 zenity wl-clipboard"
)
_GNOME_MARKS: Final = {
    "XDG_CURRENT_DESKTOP": "GNOME",
    "XDG_SESSION_TYPE": "wayland",
    "XDG_SESSION_DESKTOP": "gnome",
}
_GNOME_SETTINGS: Final = (
    "org.gnome.shell welcome-dialog-last-shown-version 99",
    "org.gnome.desktop.interface enable-animations false",
    "org.gnome.desktop.session idle-delay 0",
)
_SOMEWHERE: Final = (600, 600)


def _start_gnome(nested: Nested, extension: str) -> None:
    for setting in (*_GNOME_SETTINGS, f"org.gnome.shell enabled-extensions [{extension!r}]"):
        nested.start(["gsettings", "set", *setting.split()], "settings").wait(START)
    warned = Path(nested.env["XDG_DATA_HOME"], "gnome-shell", "lock-warning-shown")
    warned.parent.mkdir(parents=True, exist_ok=True)
    warned.touch()  # that the screen cannot be locked without its display manager
    command = ["gnome-shell", "--nested", "--wayland", "--wayland-display=wayland-gnome"]
    size = {"MUTTER_DEBUG_DUMMY_MODE_SPECS": f"{WIDTH}x{HEIGHT}"}
    _start_wayland(nested, command, "shell", "wayland-gnome", size)
    nested.wait_owner(NOTIFICATIONS)
    if extension:
        nested.wait_owner(WATCHER)
    # Before, a key would interrupt the start for good, and icons wait for its end.
    shell = nested.processes["shell"]
    started = "GNOME Shell started at"
    wait_until(lambda: started in shell.err, START, "the shell", explain=nested.errors)
    nested.wait_still(2.0)
    nested.screen.keys("Escape")  # out of the overview, which every session begins with
    # What the shell has to say of itself goes after some seconds in which somebody is there.
    nested.screen.point(*_SOMEWHERE)
    nested.wait_still(6.0)


_start_extended: Final = partial(_start_gnome, extension="ubuntu-appindicators@ubuntu.com")
GNOME: Final = Desk(
    name="gnome",
    title="GNOME 48, Wayland, with the extension",
    packages=f"{_GNOME_PACKAGES} gnome-shell-extension-appindicator",
    marks=_GNOME_MARKS,
    start=_start_extended,
    parts={"shell": _start_extended, SESSION_BUS: _groundwork(_start_extended)[SESSION_BUS]},
    lacks={
        "tooltip": "the extension shows nobody's",
        "recovered": "good news stands in GNOME's list of notifications, without a banner",
    },
    clicks=2,
    nests=False,
)
GNOME_BARE: Final = Desk(
    name="gnome-none",
    title="GNOME 48, Wayland, without it",
    packages=_GNOME_PACKAGES,
    marks=_GNOME_MARKS,
    start=partial(_start_gnome, extension=""),
    steps=steps.WITHOUT_PANEL,
)
_ALL: Final = (XFCE, MATE, LXQT, SWAY, CINNAMON, KDE, GNOME, GNOME_BARE)
DESKS: Final[dict[str, Desk]] = {each.name: each for each in _ALL}  # in the order of the trials
