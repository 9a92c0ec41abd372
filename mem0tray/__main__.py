"""`python -m mem0tray`, and what programs that carry their own Python start with."""

import os
import sys


def main() -> None:
    """Run the command; or with `-P -m MODULE`, as Python's own command line has it, that module.

    So mem0tray starts processes of its own where its program is the only Python there is.
    """
    program = os.path.realpath(sys.executable)
    if program.endswith(".app/Contents/MacOS/mem0tray") and program != sys.executable:
        os.execv(program, [program, *sys.argv[1:]])  # noqa: S606  (else macOS sees no bundle)
    if sys.argv[1:3] == ["-P", "-m"]:
        import runpy

        module = sys.argv[3]
        del sys.argv[1:4]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        from mem0tray.cli import start

        start()


if __name__ == "__main__":
    main()
