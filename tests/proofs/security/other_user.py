"""Another user of this computer, as a process: `python -m tests.proofs.security.other_user`.

idle PORT NUMBER    hold NUMBER connections, half a request on each; says `held`
read PATH           print the file
take PORT           be the server at PORT, accept everything; prints what comes in
link TARGET NAME    make NAME a symbolic link to TARGET
folder NAME         make the folder NAME
"""

import contextlib
import http.server
import socket
import sys
import time
from pathlib import Path

_PATIENCE = 10.0  # seconds for a port to be free


def idle(port: str, number: str) -> None:
    held = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(int(number))]
    for each in held:
        with contextlib.suppress(OSError):
            each.sendall(b"POST /memory HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.read()


class _Everything(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b'{"status": "ok", "proof": "trust me", "pid": 1}')

    def do_POST(self) -> None:
        self._answer(b'{"success": true}')

    def _answer(self, body: bytes) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        sys.stdout.write(f"{self.requestline}\n{self.headers}\n{self.rfile.read(length)!r}\n")
        sys.stdout.flush()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        ...


def take(port: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:  # the dying server may still have it
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), _Everything)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            break
    sys.stdout.write("taken\n")
    sys.stdout.flush()
    server.serve_forever()


def main(what: str, *arguments: str) -> None:
    match what:
        case "idle":
            idle(*arguments)
        case "take":
            take(*arguments)
        case "read":
            sys.stdout.write(Path(arguments[0]).read_text())
        case "link":
            Path(arguments[1]).symlink_to(arguments[0])
        case "folder":
            Path(arguments[0]).mkdir(mode=0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
