"""What macOS has for a bundle: notifications of its own, and its login item; see `kit`."""

from collections.abc import Callable
from typing import Any, Self

from tests.desktop.macos.appkit import as_kind, as_text, shared
from tests.desktop.macos.runtime import NSObject, current, responds


class NSBundle(NSObject):
    """The bundle of the process, perhaps Python's."""

    @classmethod
    def mainBundle(cls) -> "NSBundle":
        return shared(cls)

    def bundleIdentifier(self) -> str | None:
        return current.machine.bundle


class NSSet(NSObject):
    """Some objects; `_all` of them."""

    _all: list[NSObject]

    @classmethod
    def setWithArray_(cls, objects: list[NSObject]) -> Self:
        made = cls.alloc().init()
        made._all = list(objects)
        return made


class NSError(NSObject):
    """Why something did not work."""

    _why = ""

    def localizedDescription(self) -> str:
        return self._why


def failure() -> NSError | None:
    """The error that the Mac has now, if it refuses."""
    if not current.machine.refuses:
        return None
    made = NSError.alloc().init()
    made._why = current.machine.refuses
    return made


# Notifications --------------------------------------------------------------------------------


class UNNotificationContent(NSObject):
    """What a notification shows."""

    _title = _body = _category = ""

    def categoryIdentifier(self) -> str:
        return self._category


class UNMutableNotificationContent(UNNotificationContent):
    """What a notification will show."""

    def setTitle_(self, text: str) -> None:
        self._title = as_text(text)

    def setBody_(self, text: str) -> None:
        self._body = as_text(text)

    def setCategoryIdentifier_(self, name: str) -> None:
        self._category = as_text(name)


class UNNotificationRequest(NSObject):
    """A notification to show; the one of its name goes."""

    _name: str
    _content: UNNotificationContent

    @classmethod
    def requestWithIdentifier_content_trigger_(
        cls, name: str, content: UNNotificationContent, trigger: None
    ) -> Self:
        del trigger
        made = cls.alloc().init()
        made._name, made._content = as_text(name), as_kind(content, UNNotificationContent)
        return made

    def content(self) -> UNNotificationContent:
        return self._content


class UNNotification(NSObject):
    """A notification that was shown."""

    _request: UNNotificationRequest

    def request(self) -> UNNotificationRequest:
        return self._request


class UNNotificationResponse(NSObject):
    """A click."""

    _of: UNNotification
    _action: str

    def notification(self) -> UNNotification:
        return self._of

    def actionIdentifier(self) -> str:
        return self._action


class UNNotificationAction(NSObject):
    """A button."""

    _name: str
    _title: str

    @classmethod
    def actionWithIdentifier_title_options_(cls, name: str, title: str, options: int) -> Self:
        made = cls.alloc().init()
        made._name, made._title = as_text(name), as_text(title)
        int(options)
        return made


class UNNotificationCategory(NSObject):
    """Buttons under a name."""

    _name: str
    _actions: list[UNNotificationAction]

    @classmethod
    def categoryWithIdentifier_actions_intentIdentifiers_options_(
        cls, name: str, actions: list[UNNotificationAction], intents: list[str], options: int
    ) -> Self:
        made = cls.alloc().init()
        made._name = as_text(name)
        made._actions = [as_kind(each, UNNotificationAction) for each in actions]
        list(intents), int(options)
        return made


class UNUserNotificationCenter(NSObject):
    """Shows notifications; `_shown` are those by their names."""

    _delegate: Any = None

    @classmethod
    def currentNotificationCenter(cls) -> "UNUserNotificationCenter":
        if current.machine.bundle is None:
            raise RuntimeError(current.machine.fault("bundleProxyForCurrentProcess is nil"))
        return shared(cls)

    def setDelegate_(self, delegate: Any) -> None:
        self._delegate = delegate

    def requestAuthorizationWithOptions_completionHandler_(
        self, options: int, handler: Callable[[bool, NSError | None], None]
    ) -> None:
        self._asked = int(options)
        handler(not current.machine.refuses, None)

    def setNotificationCategories_(self, categories: NSSet) -> None:
        known = as_kind(categories, NSSet)._all
        self._categories = {as_kind(each, UNNotificationCategory)._name: each for each in known}

    def addNotificationRequest_withCompletionHandler_(
        self, request: UNNotificationRequest, handler: Callable[[NSError | None], None]
    ) -> None:
        as_kind(request, UNNotificationRequest)
        if not current.machine.refuses:
            vars(self).setdefault("_shown", {})[request._name] = request
        handler(failure())

    def removeDeliveredNotificationsWithIdentifiers_(self, names: list[str]) -> None:
        for name in names:
            vars(self).setdefault("_shown", {}).pop(name, None)

    def _click(self, name: str, action: str) -> None:
        notification = UNNotification.alloc().init()
        notification._request = vars(self)["_shown"][name]
        response = UNNotificationResponse.alloc().init()
        response._of, response._action = notification, action
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

    def status(self) -> int:
        return self._status

    def registerAndReturnError_(self, error: None) -> tuple[bool, NSError | None]:
        return self._change("SMAppServiceStatusEnabled", error)

    def unregisterAndReturnError_(self, error: None) -> tuple[bool, NSError | None]:
        return self._change("SMAppServiceStatusNotRegistered", error)

    def _change(self, name: str, error: None) -> tuple[bool, NSError | None]:
        assert error is None, "pyobjc returns it"
        if not current.machine.refuses:
            self._status = current.machine.names.values[name]
        return not current.machine.refuses, failure()
