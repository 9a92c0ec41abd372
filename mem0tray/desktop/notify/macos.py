"""Notifications on macOS under our own name: those of our bundle, which alone may show them so."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from mem0tray.desktop.notify import Notice, NotShownError, Offer, SilentDaemonError, fitted

_PATIENCE: Final = 5.0  # seconds


class NotificationCenter:
    """Shows notices; `clicked` is called on any thread. The user is asked for permission once.

    UserNotifications: UNUserNotificationCenter, requestAuthorizationWithOptions:completionHandler:
    asks at the first call of all alone; its delegate must be there before the loop begins.
    """

    name = "Notification Center"
    tells_failure = True

    def __init__(self, clicked: Callable[[Offer], None] = lambda _: None) -> None:
        import UserNotifications

        self._kit: Any = UserNotifications
        self._center = self._kit.UNUserNotificationCenter.currentNotificationCenter()
        self._told = _delegate_class(self._kit).alloc().init()  # the center does not keep it
        self._told.clicked = clicked
        self._center.setDelegate_(self._told)
        self._categories: dict[str, Any] = {}
        self._center.requestAuthorizationWithOptions_completionHandler_(
            self._kit.UNAuthorizationOptionAlert, lambda _, __: None
        )

    def show(self, notice: Notice) -> None:
        """Show it in place of the one of its kind. Raises NotShownError, with what macOS says."""
        title, body = fitted(notice)
        content = self._kit.UNMutableNotificationContent.alloc().init()
        content.setTitle_(title)
        content.setBody_(body)
        content.setCategoryIdentifier_(self._category(notice))
        request = self._kit.UNNotificationRequest.requestWithIdentifier_content_trigger_(
            notice.kind or uuid.uuid4().hex, content, None
        )
        outcome: Future[Any] = Future()
        self._center.addNotificationRequest_withCompletionHandler_(request, outcome.set_result)
        try:
            error = outcome.result(_PATIENCE)
        except TimeoutError as late:
            raise SilentDaemonError("it does not answer") from late
        if error is not None:
            raise NotShownError(str(error.localizedDescription()))

    def withdraw(self, kind: str) -> None:
        self._center.removeDeliveredNotificationsWithIdentifiers_([kind])

    def _category(self, notice: Notice) -> str:
        """Name the category with these buttons; it is set before its first notification."""
        import Foundation

        name = "\n".join(f"{offer.value} {label}" for offer, label in notice.actions)
        if name not in self._categories:
            kit = self._kit
            make = kit.UNNotificationAction.actionWithIdentifier_title_options_
            buttons = [
                make(offer.value, label, kit.UNNotificationActionOptionNone)
                for offer, label in notice.actions
                if offer is not Offer.STATUS
            ]
            group = kit.UNNotificationCategory
            group = group.categoryWithIdentifier_actions_intentIdentifiers_options_
            self._categories[name] = group(name, buttons, [], kit.UNNotificationCategoryOptionNone)
            known = Foundation.NSSet.setWithArray_(list(self._categories.values()))
            self._center.setNotificationCategories_(known)
        return name


def _delegate_class(kit: Any) -> Any:
    import Foundation

    offers = {offer.value: offer for offer in Offer}
    offers[kit.UNNotificationDefaultActionIdentifier] = offers.pop(Offer.STATUS.value)
    shown = kit.UNNotificationPresentationOptionBanner | kit.UNNotificationPresentationOptionList

    class Mem0trayNotified(Foundation.NSObject):  # type: ignore[misc]  # it has no types
        """Called about our notifications (UserNotifications: UNUserNotificationCenterDelegate)."""

        def userNotificationCenter_willPresentNotification_withCompletionHandler_(  # noqa: N802
            self, _: Any, __: Any, done: Callable[[int], None]
        ) -> None:
            done(shown)  # else none would be seen while a window of ours is in front

        def userNotificationCenter_didReceiveNotificationResponse_withCompletionHandler_(  # noqa: N802
            self, _: Any, response: Any, done: Callable[[], None]
        ) -> None:
            content = response.notification().request().content()
            offer = offers.get(response.actionIdentifier())
            lines = str(content.categoryIdentifier()).splitlines()
            if offer is not None and any(line.startswith(f"{offer.value} ") for line in lines):
                self.clicked(offer)
            done()

    return Mem0trayNotified
