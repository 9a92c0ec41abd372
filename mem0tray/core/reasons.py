"""Reasons in the user's language. Pure.

The worker words each reason once, in English, for the log, the files and the
commands. Where a person reads it in another language, our own sentences are
recognised by their wording (`reason_texts`) and translated, part by part;
what a server or the system has said stays as it is.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from string import Formatter
from typing import Final, NamedTuple

from mem0tray.core.language import Language
from mem0tray.core.reason_texts import SHAPES, TEXTS

_ANYTHING: Final = ".+?"
_LONGEST: Final = 1000  # ours are shorter; of what is not, nobody reads the end
_CACHED: Final = 1024
_SENTENCE: Final = re.compile(r"\.(?= )")


class _Pattern(NamedTuple):
    """`is_bare`: it has no words of its own, and says nothing about whose words the others are."""

    text: str
    regex: re.Pattern[str]
    is_bare: bool


def translated(reason: str, language: Language) -> str:
    """`reason` as far as it is ours; also several sentences, one of them or a part of one."""
    if language.code == "en" or len(reason) > _LONGEST:
        return reason
    found = _whole(reason, language)
    if found is not None:
        return found
    for first, rest in _cuts(reason):
        found = _one(first, language)
        if found is not None:
            return f"{found} {rest}"
    return reason


@lru_cache(_CACHED)  # one text may be cut in many ways
def _whole(text: str, language: Language) -> str | None:
    """Sentences that are all ours: a remedy is no part of what somebody else has said."""
    for first, rest in _cuts(text):
        found = _one(first, language)
        following = found and _whole(rest, language)
        if following:
            return f"{found} {following}"
    return _one(text, language)


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """Every way to take a first sentence off."""
    for end in _SENTENCE.finditer(text):
        yield text[: end.end()], text[end.end() + 1 :]


def _one(text: str, language: Language) -> str | None:
    """One sentence, or words that were made one by a capital and a full stop."""
    found = _known(text, language)
    if found is None and text:
        bare = text.removesuffix(".")
        small = bare[0].lower() + bare[1:]
        found = _known(bare, language) or _known(small, language)
        if found is not None:
            capital = found[0].upper() if text[0].isupper() else found[0]
            found = capital + found[1:] + text[len(bare) :]
    return found


@lru_cache(_CACHED)
def _known(text: str, language: Language) -> str | None:
    for pattern in _patterns():
        match = pattern.regex.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        spoken = {name: translated(part, language) for name, part in parts.items()}
        if not pattern.is_bare or spoken != parts:
            return language.gettext(pattern.text).format(**spoken)
    return None


@cache
def _patterns() -> tuple[_Pattern, ...]:
    """Made when they are needed: in English never. Those with most words of their own first."""
    return tuple(_pattern(text) for text in sorted(TEXTS, key=_weight))


def _weight(text: str) -> tuple[int, int]:
    parts = list(Formatter().parse(text))
    return sum(name is not None for _, name, _, _ in parts), -sum(len(words) for words, *_ in parts)


def _pattern(text: str) -> _Pattern:
    regex, words, names = "", "", set[str]()
    for literal, name, _, _ in Formatter().parse(text):
        words += literal
        regex += re.escape(literal)
        if name in names:
            regex += f"(?P={name})"
        elif name is not None:
            regex += f"(?P<{name}>{SHAPES.get(name, _ANYTHING)})"
            names.add(name)
    return _Pattern(text, re.compile(regex), not any(map(str.isalpha, words)))
