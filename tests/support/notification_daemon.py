"""A notification daemon that keeps what it is sent, as JSON lines on standard output.

    python notification_daemon.py [--no-markup] [--no-actions] [--error] [--click KEY]

Run by a Python with PyGObject. It says `ready` on standard error once it owns
the name. Stop it with SIGSTOP for a daemon that hangs.
"""

import argparse
import json
import sys
from typing import Any

from gi.repository import Gio, GLib

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
INTERFACE = f"""
<node><interface name="{NAME}">
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/>
<arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="as" direction="in"/><arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/>
<arg type="u" direction="out"/></method>
</interface></node>
"""
FIELDS = ("app", "replaces", "icon", "title", "body", "actions", "hints", "timeout")


class Daemon:
    """The three methods that clients call."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._capabilities = ["body"]
        self._capabilities += [] if options.no_markup else ["body-markup"]
        self._capabilities += [] if options.no_actions else ["actions"]
        self._error = options.error
        self._click = options.click
        self._shown = 0

    def answer(self, bus: Any, method: str, arguments: Any, call: Any) -> None:
        """Answer one call."""
        if method == "GetCapabilities":
            call.return_value(GLib.Variant("(as)", (self._capabilities,)))
        elif method == "GetServerInformation":
            call.return_value(GLib.Variant("(ssss)", ("stand-in", "tests", "1.0", "1.2")))
        elif self._error:
            call.return_dbus_error("org.example.Refused", "nothing is shown today")
        else:
            self._shown += 1
            shown = dict(zip(FIELDS, arguments.unpack(), strict=True))
            sys.stdout.write(json.dumps(shown) + "\n")
            sys.stdout.flush()
            call.return_value(GLib.Variant("(u)", (self._shown,)))
            if self._click:
                # To the sender alone, as some daemons do; of a notification of others first.
                for number in (self._shown + 1, self._shown):
                    values = GLib.Variant("(us)", (number, self._click))
                    bus.emit_signal(call.get_sender(), PATH, NAME, "ActionInvoked", values)


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-markup", action="store_true")
    parser.add_argument("--no-actions", action="store_true")
    parser.add_argument("--error", action="store_true")
    parser.add_argument("--click", help="the button that is clicked at once")
    daemon = Daemon(parser.parse_args())

    def call(bus: Any, _from: str, _path: str, _face: str, *rest: Any) -> None:
        daemon.answer(bus, *rest)

    def ready(_bus: Any, name: str) -> None:
        sys.stderr.write(f"ready: {name}\n")
        sys.stderr.flush()

    bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
    interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
    bus.register_object(PATH, interface, call, None, None)
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, ready, None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
