"""`packaging/update man`: writes the manual page from the commands' own help.

`packaging/mem0tray.1` is what the wheel installs. With `--check` nothing is
written: the exit code says whether the page is up to date.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click
import environment

from mem0tray import __version__
from mem0tray.cli import app
from mem0tray.cli.arguments import Command
from mem0tray.config import config_file, settings

PAGE: Final = environment.ROOT / "packaging" / "mem0tray.1"
FILES: Final = {
    "~/.claude/mem0_queue.json": "Waiting memories; written by producers and by mem0tray.",
    "~/.claude/mem0_queue_dlq.json": "Dead letters; edit them at any time, with any program.",
    "~/.claude/mem0_metrics.json": "Counts and state, for other programs.",
    "~/.claude/logs/mem0_worker.log": "What happened, one event a line.",
    "~/.config/mem0tray/config.toml": "The settings; `mem0tray config path` says where else.",
    "~/.local/share/mem0tray": "The ledger, the quarantine and the embedded server.",
}
CODES: Final = {
    "0": "Done.",
    "1": "Failed; one line on standard error says what, and what to do.",
    "2": "Wrong usage, or settings that are wrong.",
    "130": "A command other than the worker was ended with Ctrl-C.",
}


def page() -> Iterator[str]:
    """The page, line by line, without the line with its date."""
    root = click.Context(app.group, info_name="mem0tray", **app.group.context_settings)
    yield ".SH NAME"
    yield r"mem0tray \- takes memories from coding agents to your Mem0 server"
    yield ".SH SYNOPSIS"
    yield from _usage(root)
    yield ".SH DESCRIPTION"
    yield from _described(root)
    for heading, lines in app.TABLE.items():
        yield f'.SH "{heading.upper()}"'
        for name in lines:
            yield from _with_all_below(_below(root, name))
    yield ".SH SETTINGS"
    yield from _paragraph(
        "Each stands in the settings file, and can be given in the environment, which wins."
    )
    for key, meaning in config_file.meanings().items():
        default = config_file.as_toml(settings.get(settings.Settings(), key))
        shown = "none" if default == '""' else default
        about = f"{settings.variable(key)}: {meaning}. Default: {shown}."
        yield from _item(_bold(key), about)
    yield ".SH FILES"
    for file, about in FILES.items():
        yield from _item(f"\\fI{_text(file)}\\fP", about)
    yield '.SH "EXIT STATUS"'
    for code, about in CODES.items():
        yield from _item(_bold(code), about)


def _below(parent: click.Context, name: str) -> click.Context:
    assert isinstance(parent.command, click.Group)  # noqa: S101  (for the type checker)
    command = parent.command.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    return click.Context(command, info_name=name, parent=parent)


def _with_all_below(context: click.Context) -> Iterator[str]:
    yield f'.SS "{_text(context.command_path)}"'
    yield from _usage(context)
    yield from _described(context)
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            yield from _with_all_below(_below(context, name))


def _usage(context: click.Context) -> Iterator[str]:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    yield ".nh"
    yield f"{_bold(context.command_path)} {_text(pieces)}"
    yield ".hy"


def _described(context: click.Context) -> Iterator[str]:
    """Text, options, examples."""
    for at, paragraph in enumerate((context.command.help or "").split("\n\n")):
        if at or context.parent is not None:  # nothing stands above the first of all
            yield ".PP"
        yield from _paragraph(paragraph)
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or isinstance(parameter, click.Argument):
            continue
        if "--help" not in parameter.opts or context.parent is None:
            yield from _item(_bold(record[0]), record[1])
    command = context.command
    if isinstance(command, Command) and command.examples:
        yield ".PP"
        yield "Examples:"
        for line, remark in command.examples.items():
            yield ".PP"
            yield ".RS 4"
            yield ".EX"
            if remark:
                yield f"# {_text(remark)}"
            yield _text(line)
            yield ".EE"
            yield ".RE"


def _item(term: str, about: str) -> Iterator[str]:
    yield ".TP"
    yield term
    yield from _paragraph(about)


def _paragraph(text: str) -> Iterator[str]:
    """A sentence a line, what is in backticks bold."""
    joined = " ".join(text.split())
    for sentence in re.split(r"(?<=[.;:]) (?=[A-Z`])", joined):
        parts = sentence.split("`")
        yield "".join(
            _bold(part) if at % 2 else _text(part, starts=at == 0) for at, part in enumerate(parts)
        )


def _bold(text: str) -> str:
    return f"\\fB{_text(text, starts=False)}\\fP"


def _text(text: str, *, starts: bool = True) -> str:
    """Text as roff takes it: nothing in it is a command, and it can be copied."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{safe}" if starts and safe.startswith((".", "'")) else safe


def main() -> None:
    """Write the page, or say that it is not up to date."""
    body = "".join(f"{line}\n" for line in page())
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    title, _, old = before.partition("\n")
    if old == body and f"mem0tray {__version__}" in title:
        return
    if "--check" in sys.argv:
        sys.exit("packaging/mem0tray.1 is not what the help says: run packaging/update man.")
    today = datetime.now(UTC).date().isoformat()
    head = f'.TH MEM0TRAY 1 "{today}" "mem0tray {__version__}" "User Commands"\n'
    PAGE.write_text(head + body, encoding="utf-8")


if __name__ == "__main__":
    main()
