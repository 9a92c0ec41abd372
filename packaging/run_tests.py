"""`packaging/test`: runs the tests, several at a time."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import desktop
import environment

# Ours, and none that happens to be installed for the system's Python.
PLUGINS = ("xdist", "timeout", "hypothesispytest")
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder there as it does in /tmp
PROOFS = "tests/proofs"  # run when they are named: `packaging/test tests/proofs`
# Bytes; the scratch folders of all tests take some hundred megabytes at most.
ROOM = 2 * 2**30


def main() -> None:
    """Make the environment and go on as pytest; arguments are pytest's."""
    if len(sys.argv) == 1:
        environment.say("The suite takes about four minutes on two cores.")
    complete = sys.platform == "linux" and desktop.has_test_tools()
    arguments = sys.argv[1:]
    chosen = dict(pairwise(arguments)).get("-m", "")
    environ = environment.ensure(["dev", *(["official"] if chosen.startswith("official") else [])])
    if complete:
        environ["DESKTOP_TESTS"] = "required"  # nothing is skipped because of what is missing
    os.chdir(environment.ROOT)
    if complete:  # it says so where it must download them, or cannot
        names = [str(environment.python(environment.VENV)), "-m", "tests.desktop.macos.names"]
        subprocess.run(names, env=environ, check=False)
    pytest = [str(environment.python(environment.VENV)), "-m", "pytest"]
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each worker would compile every test anew
    for plugin in PLUGINS:
        pytest += ["-p", plugin]
    if not any(Path(each.partition("::")[0]).exists() for each in arguments):  # the whole suite
        compile_tests(pytest, environ)
        if not chosen:
            pytest += ["--ignore", PROOFS]
    if not chosen and has_room_in_memory():  # proofs may want a real disk
        environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
        pytest += ["-o", "tmp_path_retention_policy=failed"]
    # Most tests wait for a process or a server: four for each core keep it busy.
    pytest += ["-n", str(4 * (os.cpu_count() or 1))]
    environment.become([*pytest, "--dist", "worksteal", *arguments], environ)


def compile_tests(pytest: Sequence[str], environ: Mapping[str, str]) -> None:
    """Have pytest compile what has changed, before each of its workers would do it.

    Half a minute of them together, in a fresh clone. What is wrong with a test the suite says.
    """
    if stale := [str(path) for path in Path("tests").rglob("test_*.py") if not _is_compiled(path)]:
        command = [*pytest, "-p", "no:cacheprovider", "--collect-only", "-qq", *stale]
        subprocess.run(command, env=environ, capture_output=True, check=False)


def _is_compiled(path: Path) -> bool:
    made = path.parent.glob(f"__pycache__/{path.stem}.{sys.implementation.cache_tag}-pytest-*.pyc")
    return any(each.stat().st_mtime >= path.stat().st_mtime for each in made)


def has_room_in_memory() -> bool:
    """Whether scratch folders can lie in memory, where tens of thousands of syncs take no time."""
    if sys.platform != "linux" or not os.access(MEMORY, os.W_OK):
        return False
    found = os.statvfs(MEMORY)
    return found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
