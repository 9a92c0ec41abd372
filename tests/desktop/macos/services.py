"""What macOS has for a bundle: notifications of its own, and its login item; see `kit`."""

from collections.abc import Callable
from typing import Any, Self

from tests.desktop.macos.appkit import shared
from tests.desktop.macos.runtime import NSObject, as_kind, current, plain, responds


class NSBundle(NSObject):
    """The bundle of the process, perhaps Python's."""

    @classmethod
    def mainBundle(cls) -> "NSBundle":
        return shared(cls)

    def bundleIdentifier(self) -> str | None:
        return current.machine.bundle


NSSet = plain("NSSet")
NSError = plain("NSError")


def failure() -> Any:
    """The error that the Mac has now, if it refuses."""
    refuses = current.machine.refuses
    return NSError._made(_localizedDescription=refuses) if refuses else None


# Notifications --------------------------------------------------------------------------------


UNNotificationContent = plain("UNNotificationContent")
UNMutableNotificationContent = plain("UNMutableNotificationContent", UNNotificationContent)
UNNotificationRequest = plain("UNNotificationRequest")
UNNotification = plain("UNNotification")
UNNotificationResponse = plain("UNNotificationResponse")
UNNotificationAction = plain("UNNotificationAction")
UNNotificationCategory = plain("UNNotificationCategory")


class UNUserNotificationCenter(NSObject):
    """Shows notifications; `_shown` are those by their names."""

    def init(self) -> Self:
        self._shown: dict[str, Any] = {}
        return self

    @classmethod
    def currentNotificationCenter(cls) -> "UNUserNotificationCenter":
        if current.machine.bundle is None:
            raise RuntimeError(current.machine.fault("bundleProxyForCurrentProcess is nil"))
        return shared(cls)

    def requestAuthorizationWithOptions_completionHandler_(
        self, options: int, handler: Callable[[bool, None], None]
    ) -> None:
        self._asked = int(options)
        handler(not current.machine.refuses, None)

    def addNotificationRequest_withCompletionHandler_(
        self, request: Any, handler: Callable[[Any], None]
    ) -> None:
        as_kind("UNNotificationRequest", request)
        if not current.machine.refuses:
            self._shown[request._identifier] = request
        handler(failure())

    def removeDeliveredNotificationsWithIdentifiers_(self, names: list[str]) -> None:
        for name in names:
            self._shown.pop(name, None)

    def _click(self, name: str, action: str) -> None:
        notification = UNNotification._made(_request=self._shown[name])
        response = UNNotificationResponse._made(
            _notification=notification, _actionIdentifier=action
        )
        heard = responds(
            self._delegate,
            "userNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:",
        )
        done: list[bool] = []
        assert heard is not None
        heard(self, response, lambda: done.append(True))
        assert done, "the system waits for the end"


# The login item -------------------------------------------------------------------------------


class SMAppService(NSObject):
    """The bundle as something that is started at login."""

    _status = 0

    @classmethod
    def mainAppService(cls) -> "SMAppService":
        return shared(cls)

    def registerAndReturnError_(self, error: None) -> tuple[bool, Any]:
        return self._change("SMAppServiceStatusEnabled", error)

    def unregisterAndReturnError_(self, error: None) -> tuple[bool, Any]:
        return self._change("SMAppServiceStatusNotRegistered", error)

    def _change(self, name: str, error: None) -> tuple[bool, Any]:
        assert error is None, "pyobjc returns it"
        if not current.machine.refuses:
            self._status = current.machine.names.values[name]
        return not current.machine.refuses, failure()
