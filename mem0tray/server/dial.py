"""Making a connection: on a thread of its own where a resolver may have to be asked."""

import ipaddress
import socket
import threading
from collections.abc import Callable
from time import monotonic


class UnreachableError(Exception):
    """No connection could be made; says why, in a few words."""


class Dialling:
    """A connection being made in a thread of its own, so that nobody must wait for the resolver."""

    def __init__(self, hosts: tuple[str, ...], port: int, seconds: float) -> None:
        self._hosts, self._port, self._seconds = hosts, port, seconds
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._socket: socket.socket | None = None
        self._error: OSError | None = None
        self._abandoned = False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="mem0tray-connect", daemon=True).start()

    def give_up(self) -> None:
        """End the wait, from another thread."""
        with self._lock:
            self._abandoned = True
        self._done.set()

    def wait(self) -> socket.socket:
        """The connected socket; raises UnreachableError."""
        if not self._done.wait(self._seconds):
            self._error = TimeoutError()
        with self._lock:
            found, self._socket = self._socket, None
            if found is not None and not self._abandoned:
                return found
            stopped, self._abandoned = self._abandoned, True
        if found is not None:
            found.close()
        raise UnreachableError("stopped" if stopped else reason_of(self._error))

    def _run(self) -> None:
        try:
            found: socket.socket | None = dial(self._hosts, self._port, self._seconds)
        except OSError as error:
            self._error = error
        except UnicodeError:  # a name that cannot be one
            self._error = socket.gaierror()
        else:
            with self._lock:
                if not self._abandoned:
                    self._socket, found = found, None
            if found is not None:
                found.close()
        self._done.set()


def dial(
    hosts: tuple[str, ...],
    port: int,
    seconds: float,
    hold: Callable[[socket.socket], None] = lambda _: None,
    drop: Callable[[socket.socket], None] = socket.socket.close,
) -> socket.socket:
    """Try every address, each for its share of the time; the first one's error counts.

    `hold` gets each socket before the wait for it, and may say no by an
    UnreachableError; `drop` those that come to nothing. Raises OSError too.
    """
    end = monotonic() + seconds
    found = [
        address
        for host in hosts
        for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]
    first: OSError | None = None
    for index, (family, kind, protocol, _, address) in enumerate(found):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            hold(sock)
            sock.settimeout(max(0.001, (end - monotonic()) / (len(found) - index)))
            sock.connect(address)
        except (OSError, UnreachableError) as error:
            if sock is not None:
                drop(sock)
            if isinstance(error, UnreachableError):
                raise
            first = first or error
        else:
            return sock
    raise first or socket.gaierror()


def is_here(host: str) -> bool:
    """Whether this is an address of this computer: no resolver, an answer at once."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)


def reason_of(error: BaseException | None) -> str:
    """Why a connection could not be made or was lost, in a few words."""
    match error:
        case socket.gaierror():
            return "the name of the host cannot be resolved"
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return "no connection in time"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset"
        case OSError(strerror=str(text)) if text:
            return text[:1].lower() + text[1:]
    return "the connection failed"
