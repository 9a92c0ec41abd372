"""Cases of one test, of which the default suite takes the first few."""

from collections.abc import Iterable
from typing import Any

import pytest


def variants(cases: Iterable[Any], quick: int = 1) -> list[Any]:
    """Mark all cases but the first `quick` as slow, so that `packaging/test -m slow` takes them.

    A case is a value, a tuple of values, or what `pytest.param` made.
    """
    return [case if n < quick else _slow(case) for n, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    marks: tuple[Any, ...] = (pytest.mark.slow,)
    if isinstance(case, type(pytest.param())):
        return pytest.param(*case.values, marks=(*marks, *case.marks), id=case.id)
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=marks)
