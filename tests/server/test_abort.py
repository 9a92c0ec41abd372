"""Another thread ends a call."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mem0tray.server.model import Fault, Reply
from mem0tray.server.transport import Transport
from tests.server.calls import (
    SOON,
    client,
    deaf,
    drip_body,
    drip_head,
    drip_interim,
    full_listener,
    post,
    silent,
    stuck_resolver,
)
from tests.server.conftest import Certificate
from tests.server.wire import DELIVERED, PATIENCE, Connection, Handler, Wire, answering
from tests.support import needs


def aborted(
    transport: Transport, wait: Callable[[], object], call: Callable[[], Reply] | None = None
) -> Reply:
    """Start a call in a thread, abort it once `wait` is over, and return its reply."""
    replies: list[Reply] = []
    call = call or (lambda: post(transport))
    thread = threading.Thread(target=lambda: replies.append(call()))
    thread.start()
    wait()
    for _ in range(round(SOON / 0.05)):
        transport.abort()
        thread.join(0.05)
        if not thread.is_alive():
            return replies[0]
    raise AssertionError(f"The call goes on, {SOON} s after it was aborted.")


@pytest.mark.parametrize("handler", [silent, drip_head, drip_body, drip_interim])
def test_abort_ends_the_wait_for_an_answer(handler: Handler) -> None:
    """An abort makes a call return whose request has been sent; its outcome is unknown."""
    with Wire(handler) as server, client(server.url) as transport:
        assert aborted(transport, server.wait_for_requests).fault is Fault.LOST


def test_abort_ends_sending() -> None:
    """An abort makes a call return whose body the server does not take."""
    with Wire(deaf) as server, client(server.url) as transport:

        def send() -> Reply:
            return post(transport, body=b"x" * 12_000_000)

        assert aborted(transport, server.wait_for_connections, send).fault in (
            Fault.LOST,
            Fault.UNREACHABLE,
        )


def test_abort_ends_a_tls_handshake(certificate: Certificate) -> None:
    """An abort makes a call return that has sent nothing yet but TLS's first words."""

    def mute(connection: Connection) -> None:
        connection.socket.recv(1)
        started.set()
        connection.hang()

    started = threading.Event()
    with Wire(mute) as server:
        url = f"https://127.0.0.1:{server.port}"
        with client(url, ca_file=str(certificate.authority)) as transport:
            reply = aborted(transport, lambda: started.wait(PATIENCE))
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "stopped")


def test_abort_ends_the_look_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort makes a call return although the resolver hangs."""
    with stuck_resolver(monkeypatch) as begun, client("http://mem0.test") as transport:
        reply = aborted(transport, lambda: begun.wait(PATIENCE))
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "stopped")


@needs.linux("others treat a full backlog otherwise")
def test_abort_ends_the_wait_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort makes a call return that is connecting to this computer."""
    begun = threading.Event()
    connect = socket.socket.connect

    def connecting(sock: socket.socket, address: Any) -> None:
        begun.set()
        connect(sock, address)

    with full_listener() as port, client(f"http://127.0.0.1:{port}") as transport:
        monkeypatch.setattr(socket.socket, "connect", connecting)
        reply = aborted(transport, lambda: begun.wait(PATIENCE))
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "stopped")


def test_an_abort_between_calls_does_not_touch_the_next_one() -> None:
    """Without a call in progress an abort is forgotten."""
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        for _ in range(3):
            assert post(transport).status == 200
            transport.abort()
