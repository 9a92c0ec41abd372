"""`mem0tray demo`: half a minute in a scratch home, told in the terminal."""

from collections import Counter
from typing import Final

import click

from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import plural
from mem0tray.demo.stage import Said, Story, staged
from mem0tray.desktop import session
from mem0tray.system.programs import ends_in_order

_MARKS: Final[dict[Said, tuple[str, Style]]] = {  # what stands before a line
    "memory": ("+ ", Style.NAME),
    "command": ("$ ", Style.NAME),
    "log": ("| ", Style.DIM),
    "kept": (f"{output.sign(Style.GOOD)} ", Style.GOOD),
}


@arguments.command(
    "demo",
    {
        "mem0tray demo": "half a minute",
        "mem0tray demo --fast --json": "a few seconds, for a script",
    },
)
@click.option("--fast", is_flag=True, help="Leave out the pauses for reading: a few seconds.")
@arguments.json_option("Print one JSON document, at the end.")
@click.option(
    "--tray/--no-tray",
    default=None,
    help="Show the tray icon during the demo, or not. Default: where there is a desktop to see it.",
)
def command(*, fast: bool, as_json: bool, tray: bool | None) -> None:
    """Watch mem0tray deliver, wait out an outage, and recover a memory.

    The real worker runs in a scratch home, against a server of its own that fails on demand; your
    own files and settings are neither read nor written. It exits with 0 only if the server has
    every memory exactly once at the end.
    """
    if tray is None:
        tray = not fast and not as_json and not session.missing()
    elif tray and (missing := session.missing()):
        raise Mem0TrayError(missing, "Use --no-tray.")
    show = (lambda *_: None) if as_json else _show
    problem: Mem0TrayError | None = None
    show("text", "The real worker runs in a scratch home; its server fails when it is told to.")
    with ends_in_order(), staged(0.1 if fast else 1.0, () if tray else ("run",)) as stage:
        story = Story(stage, show, reading=0.0 if fast else 1.0)
        try:
            story.tell()
        except Mem0TrayError as error:
            problem = error
        saved, stored = Counter(story.saved), Counter(stage.server.stored.values())
    if as_json:
        output.print_json(
            {
                "ended_as_told": problem is None,
                "problem": problem and str(problem),
                "queued": saved.total(),
                "stored": stored.total(),
                "lost": [each.text for each in (saved - stored).elements()],
                "surplus": [each.text for each in (stored - saved).elements()],
            }
        )
    if problem is not None:
        raise problem
    memories = plural(saved.total(), "memory", "memories")
    show("text", f"{memories} saved, {stored.total()} on the server.")


def _show(kind: Said, text: str) -> None:
    if kind == "title":
        output.write(f"\n  {output.paint(text, Style.HEADING)}\n")
    else:
        mark, style = _MARKS.get(kind, ("", Style.PLAIN))
        output.say_beside(f"     {mark}", text, style)
