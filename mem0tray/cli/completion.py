"""`mem0tray completion`: completion for the shell, and the answers that its script asks for."""

import os
import re
import sys
from typing import Any, Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from mem0tray.cli.command_help import Command
from mem0tray.cli.completion_scripts import SCRIPTS
from mem0tray.core.text import one_line

_UNQUOTED: Final = re.compile(r"[^\w@%+=:,./-]")  # characters at which bash would split a word
_ESCAPED: Final = r"\\\g<0>"


@click.command(
    "completion",
    cls=Command,
    examples={
        """echo 'eval "$(mem0tray completion bash)"' >> ~/.bashrc""": "bash",
        """echo 'eval "$(mem0tray completion zsh)"' >> ~/.zshrc""": "zsh",
        "mem0tray completion fish > ~/.config/fish/completions/mem0tray.fish": "fish",
    },
)
@click.argument("shell", metavar="SHELL", type=click.Choice(list(SCRIPTS)))
def command(shell: str) -> None:
    """Print a script that completes commands, options, ids, projects and settings in SHELL.

    SHELL is bash, zsh or fish. One of the lines below installs it, for every
    shell that you open from then on.
    """
    click.echo(SCRIPTS[shell], nl=False)


class _Bash(BashComplete):
    """Bash: it quotes nothing itself, and replaces only what follows its last word break."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor's, and the beginning of that one."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        is_new = line[-1:].isspace() and not _is_open(line)
        args, begun = (words, "") if is_new or not words else (words[:-1], words[-1])
        value = begun.partition("=")[2] if begun.startswith("--") else begun
        kept = max(value.rfind(":"), value.rfind("=")) + 1
        self._is_quoted = _is_open(line)
        self._kept = "" if self._is_quoted else value[:kept]
        return args, begun

    def format_completion(self, item: "CompletionItem[str]") -> str:
        """Write the item as a person would have to type it from there."""
        value = item.value.removeprefix(self._kept)
        return f"{item.type},{value if self._is_quoted else _UNQUOTED.sub(_ESCAPED, value)}"


def _is_open(line: str) -> bool:
    """Whether `line` leaves a quotation mark, or a backslash, open."""
    mark = ""
    escaped = False
    for letter in line:
        if escaped:
            escaped = False
        elif letter == "\\" and mark != "'":
            escaped = True
        elif not mark and letter in "'\"":
            mark = letter
        elif letter == mark:
            mark = ""
    return bool(mark) or escaped


class _WholeWord(ShellComplete):
    """A shell that replaces the whole word, `--option=` and all."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words, and remember what stands before the value."""
        args, begun = super().get_completion_args()
        option, sign, _ = begun.partition("=")
        self._before = option + sign if sign and begun.startswith("--") else ""
        return args, begun

    def format_completion(self, item: "CompletionItem[str]") -> str:
        """Write the whole word."""
        if item.type == "plain":
            item.value = f"{self._before}{item.value}"
        return super().format_completion(item)


class _Zsh(_WholeWord, ZshComplete):
    """Zsh."""


class _Fish(_WholeWord, FishComplete):
    """Fish."""


_SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def answer(instruction: str) -> int:
    """Print what may follow on the line that the shell has in its environment.

    Nothing is printed about errors, as a person is in the middle of a line.
    """
    from mem0tray.cli import app

    shell = _SHELLS.get(instruction.partition("_")[0])
    if shell is None:
        return 1
    lines: list[str] = []
    try:
        # The last argument, a variable's name, is for click's own scripts, which we do not use.
        asked: Any = shell(app.group, {}, "mem0tray", "")
        args, incomplete = asked.get_completion_args()
        for item in asked.get_completions(args, incomplete):
            item.help = one_line(item.help) if item.help else None
            lines.append(asked.format_completion(item))
    except Exception:  # noqa: BLE001  (see above)
        return 0
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0
