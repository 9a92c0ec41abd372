"""Running the embedded server: one for each folder, on 127.0.0.1 and nowhere else."""

import gc
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from starlette.types import ASGIApp
from uvicorn import Config, Server

from mem0tray.core.errors import AlreadyRunningError, Mem0TrayError
from mem0tray.files.lock import FileLock
from mem0tray.files.private_folders import make_own_folder
from mem0tray.localserver import connections, endpoint
from mem0tray.localserver.connections import OwnConnection
from mem0tray.localserver.endpoint import Endpoint, find
from mem0tray.system import programs

PORTS_TRIED = 20
_LEAVING_SECONDS = 3.0
_GRACE_SECONDS = 1  # for requests still being sent when we leave
# Longer than clients keep an idle connection (httpx: 5 s): if the server closed first,
# they would lose a request that they had just sent.
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 128


def serve(
    folder: Path,
    port: int,
    *,
    exact: bool = False,
    lifeline: bool = False,
    announce: Callable[[Endpoint], None] = lambda _: None,
) -> None:
    """Serve the memories in `folder` until a signal says to stop; see `host`."""
    # Slow to import, and `host` also serves the window, which opens by a click.
    from mem0tray.localserver.app import build
    from mem0tray.localserver.store import Store

    with ExitStack() as opened:

        def make(own: Endpoint, _: Callable[[], None]) -> ASGIApp:
            store = opened.enter_context(closing(Store(folder / endpoint.DATABASE)))
            return build(store, own.token)

        host(folder, port, make, exact=exact, lifeline=lifeline, announce=announce)


def host(
    folder: Path,
    port: int,
    make: Callable[[Endpoint, Callable[[], None]], ASGIApp],
    *,
    exact: bool = False,
    lifeline: bool = False,
    announce: Callable[[Endpoint], None] = lambda _: None,
) -> None:
    """Serve what `make` makes of an endpoint, and of what stops it; one such server for a `folder`.

    `port` is used if it is free, else one of the next, else any; with `exact`, that one or none.
    With `lifeline` it also stops when standard input ends. `announce` is called with the address.
    Raises AlreadyRunningError when a server serves this folder, Mem0TrayError if this one cannot.
    """
    make_own_folder(folder)
    connections.allow_many()
    other = find(folder)
    if other is not None:
        raise AlreadyRunningError(
            f"The embedded server already runs at {other.url} (process {other.pid}).",
            "Use that one, or stop it first.",
        )
    with FileLock(folder / endpoint.LOCK).held(_LEAVING_SECONDS):  # one may just be leaving
        (folder / endpoint.FILE).unlink(missing_ok=True)  # of a server that was killed
        with closing(listen(port, exact=exact)) as listener:
            bound = listener.getsockname()[1]
            own = Endpoint(bound, os.getpid(), secrets.token_urlsafe(32), time.time())
            server = _LocalServer(folder, own, announce)
            server.config.app = make(own, server.stop)
            if lifeline:
                threading.Thread(
                    target=server.stop_with_stdin, name="mem0tray-stdin", daemon=True
                ).start()
            server.run(sockets=[listener])


class _LocalServer(Server):
    """uvicorn's server, which publishes its address while it serves."""

    def __init__(self, folder: Path, own: Endpoint, announce: Callable[[Endpoint], None]) -> None:
        super().__init__(
            Config(
                "",  # the application is made with what stops this server
                loop="asyncio",
                http=OwnConnection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                # Not "warning": each malformed request makes one, and any local program could
                # fill the disk with them.
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._folder, self._own, self._announce = folder, own, announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # the collector then skips the imports: a tenth faster
        endpoint.write(self._folder, self._own)
        self._announce(self._own)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Withdraw the address before running requests are ended."""
        if endpoint.read(self._folder) == self._own:
            (self._folder / endpoint.FILE).unlink(missing_ok=True)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, with exit code 0: uvicorn's own would then die of the signal."""
        with programs.signals(self.stop):
            yield

    def stop(self, *_: object) -> None:
        """Begin to stop; uvicorn looks ten times a second."""
        self.should_exit = True

    def stop_with_stdin(self) -> None:
        programs.wait_for_parent()
        self.stop()


def listen(port: int, *, exact: bool = False) -> socket.socket:
    """Listen on 127.0.0.1: at `port`, or, unless `exact`, near it, or anywhere (port 0)."""
    near = range(port, min(port + PORTS_TRIED, endpoint.PORT_MAX) + 1) if port else range(0)
    why = ""
    for candidate in (port,) if exact else (*near, 0):
        try:
            return _listener(candidate)
        except OSError as error:
            why = error.strerror or str(error)
    raise Mem0TrayError(
        f"The embedded server cannot listen at port {port} of {endpoint.HOST}: {why}.",
        "Name another port above 1023 (0: any that is free), or see whether a firewall or sandbox"
        " forbids programs to listen.",
    )


def _listener(port: int) -> socket.socket:
    # The protocol is named, as asyncio sets TCP_NODELAY only on sockets that say they are TCP:
    # without it each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            # On Windows SO_REUSEADDR would let two programs share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((endpoint.HOST, port))
        # Listen here: two sockets can be bound to one port, but only one can listen.
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def main() -> int:
    """Serve as a child of the worker: FOLDER PORT [--lifeline]; return the exit code."""
    folder, port, *options = sys.argv[1:]
    return exit_code(lambda: serve(Path(folder), int(port), lifeline="--lifeline" in options))


def exit_code(work: Callable[[], None]) -> int:
    """Do the work of a process of ours; return its exit code, with errors on standard error."""
    try:
        work()
    except Mem0TrayError as error:
        sys.stderr.write(f"{error}\n")
        is_running = isinstance(error, AlreadyRunningError)
        return endpoint.EXIT_ALREADY_RUNNING if is_running else error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
