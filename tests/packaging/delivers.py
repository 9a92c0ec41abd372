"""Has the installed `mem0tray` deliver 500 memories, each once, through a kill -9.

    python3 -m tests.packaging.delivers [COMMAND...]

COMMAND (an upgrade, say) is carried out while the worker delivers; then a worker that was started
after it delivers the rest. `AS` are words that run a command as another user, in its `HOME`. It
needs nothing but Python's own library: Debian's tests of packages run it, too.
"""

import json
import os
import subprocess
import sys
from typing import Final

from tests.support.processes import LONGEST
from tests.support.standin import Standin

TEXTS: Final = [f"memory {number}" for number in range(500)]
KILLED, CHANGED = 150, 300  # memories that the server has by then
PROGRAM: Final = (*os.environ.get("AS", "").split(), "mem0tray")
SLOW: Final = 2.0  # seconds for an answer, of which a few go on at once: the command ends before


def main() -> None:
    with Standin() as server:
        env = {name: value for name, value in os.environ.items() if name in ("HOME", "PATH")}
        env |= {"MEM0TRAY_SERVER_URL": server.url, "PYTHONWARNINGS": "error"}
        lines = "\n".join(json.dumps({"project_id": "p", "content": text}) for text in TEXTS)
        _run("add", "--jsonl", env=env, given=lines)
        worker = _worker(env)
        server.wait_for(lambda: server.has_saves(KILLED), LONGEST)
        worker.kill()
        worker.wait(LONGEST)
        worker = _worker(env)
        server.latency = SLOW
        server.wait_for(lambda: server.has_saves(CHANGED), LONGEST)
        if command := sys.argv[1:]:
            print(_run("--version", env=env).strip(), "delivers;", *command, flush=True)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            assert server.missing(TEXTS), "all was delivered before the command had ended"
            before = len(server.saves)
            server.wait_for(lambda: server.has_saves(before + 5), LONGEST)
        server.latency = 0.0
        worker.terminate()
        assert worker.wait(LONGEST) == 0
        assert server.missing(TEXTS), "nothing was left for the next worker"
        print(_run("--version", env=env).strip(), "delivers the rest", flush=True)
        _run("run", "--until-idle", env=env)
        assert server.missing(TEXTS) == []
        assert server.surplus() == {}
        assert server.total_stored() == len(TEXTS)
        left = json.loads(_run("status", "--json", env=env))
    print(f"{len(TEXTS)} delivered, each once; {left['queue']}")


def _worker(env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, "run"], env=env, text=True, cwd="/", stderr=subprocess.DEVNULL
    )


def _run(*arguments: str, env: dict[str, str], given: str = "") -> str:
    done = subprocess.run(
        [*PROGRAM, *arguments],
        env=env,
        cwd="/",
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    return done.stdout


if __name__ == "__main__":
    main()
