"""The tray application in a desktop: its home, its server, its icon."""

from collections.abc import Mapping
from typing import Final

from mem0tray.desktop.tray import icon
from mem0tray.desktop.tray.icon import IconLook
from tests.support.desktop import Desktop
from tests.support.home import Home
from tests.support.processes import PATIENCE, Process
from tests.support.sni import SIZE, TrayHost, TrayItem
from tests.support.standin import Standin

HEALTHY: Final = IconLook("healthy")


class Tray:
    """Starts the application, once or several times, in English, with its own home and server."""

    def __init__(self, desktop: Desktop, home: Home, server: Standin) -> None:
        self.desktop, self.home, self.server = desktop, home, server
        self.env = {**desktop.session, "LANGUAGE": "en"}
        self._host: TrayHost | None = None

    @property
    def host(self) -> TrayHost:
        """The tray that shows the icon; put there when it is first asked for."""
        if self._host is None:
            self._host = self.desktop.tray()
        return self._host

    def renew_host(self) -> TrayHost:
        """Put another tray there: the last one has gone, or its bus has."""
        if self._host is not None:
            self._host.close()
            self._host = None
        return self.host

    def start(self, *options: str, env: Mapping[str, str] | None = None) -> Process:
        return self.home.start(*options, env={**self.env, **(env or {})})

    def shown(
        self, look: IconLook = HEALTHY, *, env: Mapping[str, str] | None = None
    ) -> tuple[Process, TrayItem]:
        """Start the application and wait until its icon looks so and its menu is the full one."""
        host = self.host
        process = self.start(env=env)
        item = host.wait_item()
        wait_look(item, look)
        item.wait_for(
            lambda: (labels := item.menu().labels) and "Starting" not in labels[0],
            what="the menu of a state",
        )
        return process, item


def wait_look(item: TrayItem, look: IconLook, timeout: float = PATIENCE) -> None:
    wanted = icon.compose(look, SIZE)
    item.wait_for(lambda: item.icon() == wanted, timeout, f"an icon that is {look}")


def wait_tooltip(item: TrayItem, *parts: str, timeout: float = PATIENCE) -> str:
    def found() -> str | None:
        tooltip = item.tooltip
        return tooltip if all(part in tooltip for part in parts) else None

    return item.wait_for(found, timeout, f"a tooltip with {parts}")


def letter_path(item: TrayItem, project: str) -> tuple[str, str]:
    """Name the only dead letter of a project by the labels on the way to it in the menu."""
    labels = item.menu().find("Memories not delivered").labels
    found = [label for label in labels if f" · {project} · " in label]
    assert len(found) == 1, labels
    return "Memories not delivered", found[0]
