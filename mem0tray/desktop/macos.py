"""Dialogs on macOS: AppKit's alerts, in this process."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from mem0tray.core.text import lines
from mem0tray.desktop.tray import icon

_SIDE: Final = 260.0  # points; the window is behind its alert
_ESCAPE: Final = "\x1b"
_shown: Final = set[Any]()  # alerts that nobody has answered: AppKit does not keep them all


def ask(title: str, text: str, buttons: tuple[str, ...], patience: float) -> bool:
    """Show an alert, and wait for it; return whether the first button was chosen.

    Not on the main thread, which goes on meanwhile. That button is the dangerous one, which no key
    chooses; Escape is the second. A single one closes. After `patience` seconds it closes itself.
    """
    from PyObjCTools import AppHelper

    answer: Future[bool] = Future()
    closers: list[Callable[[], object]] = []

    def show() -> None:
        try:
            closers.append(_show(lines(title), lines(text), buttons, answer))
        except Exception as error:  # noqa: BLE001  (raised where it is awaited)
            answer.set_exception(error)

    AppHelper.callAfter(show)
    try:
        return answer.result(patience)
    except TimeoutError:
        AppHelper.callAfter(lambda: [close() for close in closers])
        return False


def _show(
    title: str, text: str, buttons: tuple[str, ...], answer: "Future[bool]"
) -> Callable[[], object]:
    """Show it as the sheet of a window of its own, above all others, that activates nothing.

    The one way that AppKit has for an alert beside which its loop goes on (NSAlert,
    beginSheetModalForWindow:completionHandler:; a button's target and action are the framework's).
    """
    import AppKit

    alert = AppKit.NSAlert.alloc().init()
    alert.setMessageText_(title)
    alert.setInformativeText_(text)
    picture = AppKit.NSImage.alloc().initWithContentsOfFile_(str(icon.icon_file("mem0tray.icns")))
    alert.setIcon_(picture)  # else that of Python, outside our bundle
    first, *others = [alert.addButtonWithTitle_(each) for each in buttons]
    for cancel in others:
        alert.setAlertStyle_(AppKit.NSAlertStyleCritical)
        first.setHasDestructiveAction_(True)
        first.setKeyEquivalent_("")  # Return would be the first one's
        cancel.setKeyEquivalent_(_ESCAPE)
    style = AppKit.NSWindowStyleMaskTitled | AppKit.NSWindowStyleMaskNonactivatingPanel
    frame = ((0.0, 0.0), (_SIDE, _SIDE))
    panel = AppKit.NSPanel.alloc().initWithContentRect_styleMask_backing_defer_(
        frame,
        style,
        AppKit.NSBackingStoreBuffered,
        False,  # noqa: FBT003  (AppKit's own order)
    )
    panel.setLevel_(AppKit.NSFloatingWindowLevel)
    panel.setHidesOnDeactivate_(False)  # else it would be gone at once
    panel.center()
    panel.makeKeyAndOrderFront_(None)
    _shown.add(alert)

    def answered(response: int) -> None:
        _shown.discard(alert)
        panel.orderOut_(None)
        answer.set_result(response == AppKit.NSAlertFirstButtonReturn)

    alert.beginSheetModalForWindow_completionHandler_(panel, answered)
    return lambda: alert in _shown and panel.endSheet_(alert.window())
