"""What a model is told when it calls a tool with wrong arguments: what is wrong, and what to do.

Pure. Only the kind of a value is told, not the value: it is the model's, and may be long.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mem0tray.core.text import did_you_mean, one_line

_NAME: Final = 80  # characters of a name that is shown
_MOST: Final = 5  # wrong arguments that are named
MISSING: Final = "missing"
UNKNOWN: Final = "unknown"
_KINDS: Final = {"string": "a text", "integer": "a whole number"}


class WrongArgument(NamedTuple):
    """An argument, and what is wrong with it: MISSING, UNKNOWN, or neither, which is its value."""

    name: str
    what: str
    value: object = None


def unknown(schema: Mapping[str, Any], given: Iterable[str]) -> list[WrongArgument]:
    """The arguments that the tool does not have. A tool that has none takes any, and uses none."""
    known = schema["properties"]
    return [WrongArgument(each, UNKNOWN) for each in given if known and each not in known]


def in_words(
    tool: str, unless: str, schema: Mapping[str, Any], wrong: Iterable[WrongArgument]
) -> str:
    """What happened, what it means (`unless`, a sentence), and what to do.

    `schema` is that of the tool's arguments.
    """
    known = schema["properties"]
    named = list(dict.fromkeys(_wrong(known, each) for each in wrong))
    told = "; ".join(named[:_MOST])
    more = f"; and {len(named) - _MOST:,} more" if len(named) > _MOST else ""
    required = schema.get("required", ())
    taken = ", ".join(_taken(name, rule, required) for name, rule in known.items())
    return f"{unless} {told}{more}. Call {tool} again with {taken}."


def _wrong(known: Mapping[str, Any], wrong: WrongArgument) -> str:
    name = f"`{one_line(wrong.name, _NAME)}`"
    if wrong.what == MISSING:
        return f"{name} is missing"
    if wrong.what == UNKNOWN:
        guess = did_you_mean(wrong.name, known).removesuffix("?").replace(" Did", "did")
        return f"there is no argument {name}{f' ({guess}?)' if guess else ''}"
    return f"{name} is {_kind(wrong.value)}, and must be {_rule(known[wrong.name])}"


def _taken(name: str, rule: Mapping[str, Any], required: Iterable[str]) -> str:
    """An argument as the tool takes it."""
    rest = "" if name in required else ", which may be left out"
    return f"`{name}` ({_rule(rule)}{rest})"


def _rule(rule: Mapping[str, Any]) -> str:
    told = _KINDS[rule["type"]]
    if "minimum" in rule:
        told += f" from {rule['minimum']:,} to {rule['maximum']:,}"
    return told


def _kind(value: object) -> str:
    """The kind of a JSON value; a number itself, unless it is very long."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        shown = f"{value:,}"
        return shown if len(shown) <= _NAME else "a number"
    kinds = {type(None): "null", str: "a text", list: "a list"}
    return kinds.get(type(value), "an object")
