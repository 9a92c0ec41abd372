"""Another user of this computer, as a process: `python -m tests.proofs.security.other_user`.

idle PORT NUMBER    hold NUMBER connections, half a request on each; says `held`
take PORT           be the server at PORT, accept everything; prints what comes in
"""

import contextlib
import socket
import sys
import time

_PATIENCE = 10.0  # seconds for a port to be free


def idle(port: str, number: str) -> None:
    held = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(int(number))]
    for each in held:
        with contextlib.suppress(OSError):
            each.sendall(b"POST /memory HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    print("held", flush=True)
    sys.stdin.read()


def take(port: str) -> None:
    body = b'{"success": true, "status": "ok", "proof": "trust me", "pid": 1}'
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with _listening(int(port)) as server:
        print("taken", flush=True)
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                print(connection.recv(1 << 20), flush=True)
                connection.sendall(head.encode() + body)


def _listening(port: int) -> socket.socket:
    end = time.monotonic() + _PATIENCE
    while True:  # the dying server may still have it
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


if __name__ == "__main__":
    if sys.argv[1] == "idle":
        idle(*sys.argv[2:])
    else:
        take(*sys.argv[2:])
