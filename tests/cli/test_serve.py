"""`serve`: the embedded server as its own process."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

from tests.cli.scratch import Scratch


def test_serve_says_where_it_is_and_stops_cleanly(home: Scratch) -> None:
    """Address, folder and how to stop are printed; a second one exits 1; SIGINT exits 0."""
    command = [sys.executable, "-m", "mem0tray", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(2)]
        endpoint = json.loads((home.paths.local_server / "server.json").read_text())
        assert endpoint["url"] in lines[0]
        assert str(home.paths.local_server) in lines[1]
        assert "Ctrl-C" in lines[1]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{endpoint['url']}/health", timeout=5) as answer:
            assert json.load(answer)["status"] == "ok"
        second = home.run("serve")
        assert second.code == 1
        assert "already runs" in second.line
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


def test_a_port_that_is_none_is_an_error_of_usage(home: Scratch) -> None:
    """Ports end at 65535."""
    assert home.run("serve", "--port", "65536").code == 2
