"""What a second start does: it has the first one show the status, and leaves."""

from mem0tray.config.settings import Settings
from mem0tray.core.errors import AlreadyRunningError, Mem0TrayError
from mem0tray.files import orders
from mem0tray.files.lock import is_locked
from mem0tray.system import user_language


def turned_away(error: AlreadyRunningError, settings: Settings) -> AlreadyRunningError:
    """The error after a running tray was asked to show its status, or the page was opened here."""
    paths = settings.locations()
    if is_locked(paths.tray_lock):
        orders.ask_to_show(paths)
        return AlreadyRunningError(
            error.message, "It is asked to show its status; `mem0tray status` shows it here."
        )
    if _showed(settings):
        how = "It has no tray icon; your browser shows its status."
    else:
        how = "It has no tray icon; `mem0tray status` says how it is."
    return AlreadyRunningError(error.message, f"{how} For an icon, stop it and start again.")


def _showed(settings: Settings) -> bool:
    from mem0tray import report  # slow to import, and not needed for a first start

    try:
        return report.open_page(report.write(settings, user_language.chosen(settings.ui.language)))
    except Mem0TrayError:
        return False
