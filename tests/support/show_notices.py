"""Shows notices through plyer, in a process of its own: for each line of JSON one outcome.

    python -m tests.support.show_notices TIMEOUT

A line is `[title, body]`; the answer is `[way, reason]`. At the end of the
input it says `bye`, so that a process that was ended by its bus is noticed.
"""

import json
import sys

from mem0tray.desktop.backends import PlyerBackend
from mem0tray.desktop.notice_texts import Notice
from mem0tray.desktop.sending import Sender


def main() -> None:
    """Read, show, answer."""
    sender = Sender([PlyerBackend()], float(sys.argv[1]))
    for line in sys.stdin:
        title, body = json.loads(line)
        outcome = sender.send(Notice("x", title, body))
        sys.stdout.write(json.dumps([outcome.way, outcome.reason]) + "\n")
        sys.stdout.flush()
    sys.stdout.write("bye\n")


if __name__ == "__main__":
    main()
