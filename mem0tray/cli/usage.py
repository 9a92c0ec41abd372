"""What click finds wrong with a command line, in the words and the form of our own errors."""

import re
from typing import Final

import click

from mem0tray.cli.context import UsageError

_SURPLUS: Final = re.compile(r"Got unexpected extra arguments? \((.*)\)\.?", re.DOTALL)
_WITH_TEXT: Final = ("add", "search")
_LIST: Final = "`mem0tray help` lists the commands."


def in_words(error: click.UsageError) -> UsageError:
    """A usage error of ours: a sentence on what is wrong and one on what to do."""
    message = _message(error)
    # A guess at what was meant is what to do.
    return UsageError(message, "" if message.endswith("?") else _remedy(error))


def _message(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        like = error.possibilities
        hint = f" Did you mean {', '.join(f'`{name}`' for name in like)}?" if like else ""
        return f"There is no option {error.option_name}.{hint}"
    if isinstance(error, click.BadOptionUsage) and "requires" in error.message:
        return f"{error.option_name} needs a value."
    if isinstance(error, click.MissingParameter):
        return f"{_name(error)} is missing."
    if isinstance(error, click.BadParameter):
        joint = " " if error.message.startswith("must ") else ": "
        return _sentence(f"{_name(error)}{joint}{error.message}")
    surplus = _SURPLUS.fullmatch(error.message)
    if surplus is not None:
        return f"There is one argument too many: {surplus[1]!r}."
    return _sentence(error.format_message())


def _name(error: click.BadParameter) -> str:
    """How a person writes the parameter: the option's names, or the argument's in the usage."""
    parameter = error.param
    if isinstance(parameter, click.Option):
        return "/".join(parameter.opts)
    if parameter is not None and error.ctx is not None:
        return parameter.make_metavar(error.ctx).strip("[].")
    return "The value"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def _remedy(error: click.UsageError) -> str:
    context = error.ctx
    if context is None or context.parent is None:
        return _LIST
    names = context.command_path.partition(" ")[2]
    if isinstance(error, click.NoSuchOption) and names in _WITH_TEXT:
        return f"Put `--` before a text that begins with a dash; `mem0tray help {names}` has more."
    return f"`mem0tray help {names}` shows how it is used."
