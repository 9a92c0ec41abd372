"""Plain search by words: no model, and no pretence of one."""

from collections.abc import Iterable


def score(words: Iterable[str], text: str) -> float:
    """The share of `words` (folded) that occur somewhere in `text`, 0 to 1."""
    wanted = list(words)
    folded = text.casefold()
    return sum(word in folded for word in wanted) / len(wanted) if wanted else 0.0


def words_of(query: str) -> list[str]:
    """The different words of `query`, without regard to upper and lower case."""
    return list(dict.fromkeys(query.casefold().split()))
