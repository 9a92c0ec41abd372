"""`packaging/run`: tries mem0tray in a scratch home, or starts it in the user's own."""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import environment

SAMPLE = environment.ROOT / "packaging" / "sample"
MARK = ".mem0tray-scratch"  # a folder with this file is ours to play in
HELP = """\
Without arguments: makes a scratch home in the temporary folder, puts a sample
queue there as another program would have left it (six memories, two lines of
the emergency buffer, one dead letter that is due), and lets mem0tray deliver it
to its embedded server. Nothing leaves this computer, nothing outside that
folder is touched, and the folder is kept for you to look at.

  packaging/run                        the above
  packaging/run --home DIR             the same in DIR, which is made if need be
  packaging/run --home DIR list        one command of mem0tray in that scratch home
  packaging/run --real                 the worker (mem0tray run) in your own home
  packaging/run --real status          one command of mem0tray in your own home
  packaging/run --real -- --version    the same, for what begins with a dash

The first time it makes a virtual environment in the project (.venv) with the
versions pinned in packaging/constraints.txt; only Python 3.11 or newer is needed.
"""


def main() -> int:
    """Do what the command line asks for; the status is mem0tray's."""
    parser = argparse.ArgumentParser(
        prog="packaging/run",
        usage="%(prog)s [--real | --home DIR] [COMMAND [ARG...]]",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--real", action="store_true", help="in your own home")
    where.add_argument("--home", type=Path, metavar="DIR", help="in a scratch home that you name")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a command of mem0tray")
    options = parser.parse_args()
    arguments: list[str] = options.command
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if arguments and not (options.real or options.home):
        parser.error(f"say where: --real {arguments[0]}, or --home DIR {arguments[0]}")

    home = options.home.absolute() if options.home else None
    if home and home.exists() and not (home / MARK).exists() and any(home.iterdir()):
        parser.error(f"{home} is neither empty nor a scratch home made by this script")

    environ = environment.ensure()
    if not (arguments or options.real):
        environment.say("This takes a few seconds.")
    if options.real:
        environment.become([environment.command("mem0tray"), *(arguments or ["run"])], environ)
    home = home or Path(tempfile.mkdtemp(prefix="mem0tray-scratch-"))
    fresh = fill(home)
    environment.say(
        f"The scratch home is {home}; for `mem0tray` in what follows type {_ours(home)}."
    )
    if arguments:
        environment.become([environment.command("mem0tray"), *arguments], scratch(environ, home))
    return demonstrate(home, environ, fresh=fresh)


def fill(home: Path) -> bool:
    """Put the sample into a scratch home, once; False when it is there already."""
    if (home / MARK).exists():
        return False
    # Plain copies with the usual modes, as another program would have made them.
    shutil.copytree(SAMPLE, home / ".claude")
    (home / MARK).touch()
    return True


def scratch(environ: dict[str, str], home: Path) -> dict[str, str]:
    """Give `environ` another home, so that the user's files and settings stay out of it."""
    private = ("XDG_", "MEM0TRAY_SERVER_", "MEM0TRAY_PATHS_")
    kept = {key: value for key, value in environ.items() if not key.startswith(private)}
    return kept | {
        "HOME": str(home),
        "USERPROFILE": str(home),  # these three on Windows
        "WIN_PD_OVERRIDE_LOCAL_APPDATA": str(home / "AppData" / "Local"),
        "WIN_PD_OVERRIDE_APPDATA": str(home / "AppData" / "Roaming"),
        "MEM0TRAY_SERVER_URL": "local",
    }


def demonstrate(home: Path, environ: dict[str, str], *, fresh: bool) -> int:
    """Deliver what is in `home`, show the status, and say what happened."""
    if fresh:
        print(
            "In its .claude folder are 9 memories: 6 in the queue, 2 in the emergency buffer,\n"
            "and 1 dead letter that is due."
        )
    claude = home / ".claude"
    private = scratch(environ, home)
    status = _show(["run", "--until-idle"], private)
    _show(["status"], private)
    print(
        "\nWhat was delivered is on the embedded server, so on this computer only.\n"
        f"  the files     {claude}\n"
        f"  the log       {claude / 'logs' / 'mem0_worker.log'}\n"
        f"  look around   {_ours(home)} recall --project garden\n"
        f"                (or open, status, doctor, add --project P TEXT, ...)\n"
        f"  once more     {_script()}\n"
        f"  for real      {_script()} --real\n"
        f"                (your own ~/.claude, and the server that you choose)\n"
        f"The scratch home is kept for you to look at. To remove it: rm -r {shlex.quote(str(home))}"
    )
    return status


def _script() -> str:
    """Name this script as it can be typed here."""
    if Path.cwd() == environment.ROOT:
        return "packaging/run"
    return shlex.quote(str(environment.ROOT / "packaging" / "run"))


def _ours(home: Path) -> str:
    """Write the command that stands for `mem0tray` in a scratch home."""
    return f"{_script()} --home {shlex.quote(str(home))}"


def _show(arguments: Sequence[str], environ: dict[str, str]) -> int:
    print(f"\n$ mem0tray {shlex.join(arguments)}", flush=True)
    return subprocess.call([environment.command("mem0tray"), *arguments], env=environ)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
