"""Shows notices through plyer, in a process of its own: for each line of JSON one outcome.

    python -m tests.support.show_notices TIMEOUT [--button]

A line is `[title, body]`; the answer is `[way, reason]`. At the end of the
input it says `bye`, so that a process that was ended by its bus is noticed.
With `--button` all can be restored; a click says `restored` on standard error.
"""

import json
import sys
import threading

from mem0tray.desktop.notify.backends import NoticeBackend, PlyerBackend
from mem0tray.desktop.notify.notice import Notice, NoticeAction, Offer
from mem0tray.desktop.notify.restore_button import RestoreButton
from mem0tray.desktop.notify.sending import Sender


def _say_restored() -> None:
    sys.stderr.write("restored\n")
    sys.stderr.flush()


def main() -> None:
    """Read, show, answer."""
    backends: list[NoticeBackend] = [PlyerBackend()]
    button = "--button" in sys.argv
    if button:
        from gi.repository import GLib

        threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
        backends.insert(0, RestoreButton(_say_restored))
    restore = (NoticeAction(Offer.RESTORE, "Restore"),) if button else ()
    sender = Sender(backends, float(sys.argv[1]))
    for line in sys.stdin:
        title, body = json.loads(line)
        outcome = sender.send(Notice("x", title, body, buttons=restore))
        sys.stdout.write(json.dumps([outcome.way, outcome.reason]) + "\n")
        sys.stdout.flush()
    sys.stdout.write("bye\n")


if __name__ == "__main__":
    main()
