"""The samples of a soak as an SVG: one small chart above the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from tests.proofs.soak.samples import MEGABYTE, Sample

POINTS: Final = 240  # more of them nobody sees
WIDTH, HEIGHT = 900, 150
_SVG: Final = "http://www.w3.org/2000/svg"


def plot(samples: Sequence[Sample], path: Path) -> None:
    """Draw what the worker used over time, and write it to `path`."""
    shown = samples[:: len(samples) // POINTS + 1]
    charts: dict[str, list[float]] = {
        "memory (MB)": [sample.memory / MEGABYTE for sample in shown],
        "descriptors": [sample.descriptors for sample in shown],
        "threads": [sample.threads for sample in shown],
        "bytes of the ledger per stored memory": [s.ledger / max(1, s.stored) for s in shown],
        "memories stored": [sample.stored for sample in shown],
        "dead letters": [sample.dead for sample in shown],
    }
    minutes = [sample.at / 60 for sample in shown]
    ET.register_namespace("", _SVG)
    whole = ET.Element(
        f"{{{_SVG}}}svg", width=str(WIDTH), height=str(HEIGHT * len(charts)), version="1.1"
    )
    for number, (title, values) in enumerate(charts.items()):
        chart = _chart(title, list(zip(minutes, values, strict=True)))
        chart.set("y", str(number * HEIGHT))
        whole.append(chart)
    ET.ElementTree(whole).write(path, encoding="utf-8", xml_declaration=True)


def _chart(title: str, points: Sequence[tuple[float, float]]) -> ET.Element:
    import pygal  # type: ignore[import-untyped]
    from pygal.style import CleanStyle  # type: ignore[import-untyped]

    settings: dict[str, Any] = {
        "width": WIDTH,
        "height": HEIGHT,
        "style": CleanStyle(title_font_size=13, label_font_size=10, colors=("#2a6f97",)),
        "show_legend": False,
        "show_dots": False,
        "js": [],
        "max_scale": 4,
        "range": (0, 1.1 * max(value for _, value in points) or 1),
        "explicit_size": True,
    }
    graph = pygal.XY(title=f"{title}, by minutes", **settings)
    graph.add(title, points)
    return ET.fromstring(graph.render())  # noqa: S314 - pygal has just written it
