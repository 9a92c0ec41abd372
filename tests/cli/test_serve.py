"""`serve`: the embedded server as its own process."""

import errno
import json
import os
import signal
import subprocess
import sys
import urllib.request
from unittest import mock

from mem0tray.localserver import serve
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.processes import PATIENCE


@needs.SIGNALS
def test_serve_says_where_it_is_and_stops_cleanly(home: Scratch) -> None:
    command = [sys.executable, "-m", "mem0tray", "serve"]
    with serve.listen(0) as taken:
        port = taken.getsockname()[1]
        home.env(MEM0TRAY_SERVER_LOCAL_PORT=str(port))
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline().decode() for _ in range(3)]
            assert lines[0] == f"Port {port} (server.local_port) is taken.\n"
            endpoint = json.loads((home.paths.local_server / "server.json").read_text())
            assert f":{port}" not in endpoint["url"]
            assert f"is ready at {endpoint['url']}" in lines[1]
            assert str(home.paths.local_server) in lines[2]
            assert "Ctrl-C" in lines[2]
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{endpoint['url']}/health", timeout=PATIENCE) as answer:
                assert json.load(answer)["status"] == "ok"
            assert "already runs" in home.fails("serve")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0


def test_a_named_port_that_cannot_be_had_is_an_error(home: Scratch) -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    home.patch.setattr(serve, "_listener", mock.Mock(side_effect=error))
    assert "at port 80 of 127.0.0.1: Permission denied. Name another port" in home.fails(
        "serve", "--port", "80"
    )
