"""What is particular to one desktop. To add one, see README.md."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.desktops.nested import SESSION_BUS, X_SERVER, Nested

if TYPE_CHECKING:
    from tests.desktops.trial import Trial

NOTIFICATIONS: Final = "org.freedesktop.Notifications"  # the name of daemons on the bus


@dataclass(frozen=True)
class Desk:
    """One desktop: its Debian packages, the variables that programs know it by, its start.

    `start` starts its parts in a screen and returns when a tray and a notification daemon are
    there. `lacks` says for a step (tests/desktops/steps.py) why this desktop cannot show it;
    the step is tried all the same. `steps` are other ones than the usual. `clicks` is how many
    with the left button activate an icon. `nests`: a submenu has submenus. `answer_by` are the
    keys that end a question once its answer is chosen. `parts` are the parts that are killed
    in turn, each by the name under which `start` started it, with what starts it again.
    """

    name: str
    title: str
    packages: Sequence[str]
    marks: Mapping[str, str]
    start: Callable[[Nested], None]
    lacks: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, Callable[["Trial"], str]] = field(default_factory=dict)
    clicks: int = 1
    nests: bool = True
    answer_by: Sequence[str] = ()
    parts: Mapping[str, Callable[[Nested], None]] = field(default_factory=dict)


def groundwork(start: Callable[[Nested], None]) -> dict[str, Callable[[Nested], None]]:
    """X server and session bus as parts: with another one the whole desktop is started anew."""

    def with_another_server(nested: Nested) -> None:
        nested.start_display()
        start(nested)

    def with_another_bus(nested: Nested) -> None:
        nested.start_bus(SESSION_BUS)
        start(nested)

    return {X_SERVER: with_another_server, SESSION_BUS: with_another_bus}
