"""A short soak loses nothing and stores nothing twice; and growth would be seen."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.proofs.soak.samples import MEGABYTE, Sample, trends
from tests.proofs.soak.soak import soak
from tests.support.home import Home
from tests.support.standin import Standin

SAMPLE = Sample(0.0, 7, 42 * MEGABYTE, 20, 17, 400_000, 80_000, 1000, 4 * MEGABYTE, 1000)


@pytest.mark.parametrize(
    "seconds", [6, pytest.param(150, marks=[pytest.mark.slow, pytest.mark.timeout(400)])]
)
def test_a_soak_loses_nothing_and_grows_nothing(
    home: Home, server: Standin, seconds: float
) -> None:
    done = soak(home, server, seconds, seed=1, tell=lambda _: None)
    assert done.faults == []
    judged = trends(done.samples)
    assert [str(trend) for trend in judged if not trend.met] == []
    assert [trend.name for trend in judged if not trend.highest] == []
    assert server.total_stored() >= 50
    assert done.life.ends.total() >= 1
    assert done.trouble.seen.total() >= 2
    assert done.editor.done.total() >= 1


def life(change: Callable[[int], Sample], samples: int = 400) -> list[str]:
    lived = [replace(change(number), at=number / 4) for number in range(samples)]
    return [trend.name for trend in trends(lived) if not trend.met]


def test_a_level_with_noise_is_flat() -> None:
    assert life(lambda n: replace(SAMPLE, threads=17 + n % 5, descriptors=20 + n % 11)) == []


def test_growth_is_seen() -> None:
    assert life(lambda n: replace(SAMPLE, memory=SAMPLE.memory + n * 30_000)) == ["memory"]
    assert life(lambda n: replace(SAMPLE, descriptors=20 + n // 60)) == ["descriptors"]
    assert life(lambda n: replace(SAMPLE, threads=17 + n // 100)) == ["threads"]
    assert life(lambda n: replace(SAMPLE, ledger=400_000 + n * 60)) == ["ledger per memory"]
    assert life(lambda n: replace(SAMPLE, history=80_000 + n * 60)) == ["history per failure"]
    assert life(lambda n: replace(SAMPLE, descriptors=300 if n == 390 else 20)) == ["descriptors"]


def test_only_the_last_life_is_judged() -> None:
    grown = replace(SAMPLE, memory=60 * MEGABYTE, pid=6)
    assert life(lambda n: grown if n < 150 else SAMPLE) == []
