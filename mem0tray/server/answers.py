"""The class that an answer belongs to, and its words: the contract, section 3. Pure.

What follows from the class for memories and server is decided in `worker/sending/verdict.py`.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from msgspec import UNSET

from mem0tray.core import reasons
from mem0tray.core.due import LONGEST_ASKED
from mem0tray.core.item import LONGEST_TEXT, Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.server import remedy
from mem0tray.server.model import NO_TLS, Fault, Health, Outcome, Reply
from mem0tray.server.redaction import REPEATED, REPEATED_SECRET, code, repeats, said

_BY_STATUS: Final = {
    401: Kind.UNAUTHORIZED,
    403: Kind.FORBIDDEN,
    404: Kind.FORBIDDEN,
    405: Kind.FORBIDDEN,
    429: Kind.SLOW_DOWN,
    502: Kind.OUTAGE,
    503: Kind.OUTAGE,
    504: Kind.OUTAGE,
}
NO_PROJECT: Final = Reason("invalid content: {why}", why=Reason("the item names no project"))
FAILED_LATER: Final = Reason("the server took it in, and could not store it")
FORGOTTEN: Final = Reason("the server took it in, and knows nothing of it any more")
_FAILED_SAYING: Final = Reason("the server took it in, and could not store it: {words}").id
_NO_ANSWER: Final = Reason("no answer after {number} s").id
_ELSEWHERE: Final = Reason("{status} to {address}, which is not followed").id
_NO_USE: Final = Reason("{status}, but {why}").id
_HEALTH_ANSWER: Final = Reason("the health check was answered with {answer}").id
_NOT_JSON: Final = Reason("the answer is not a JSON object")
STORED_NOTHING: Final = Reason("the server stored nothing")
NOT_KEPT: Final = Reason("the server does not have what it said that it stored")
HOLDS_NUL: Final = Reason("the memory holds the character NUL, which the server cannot store")
REJECTED: Final = Reason("rejected by the server")
UNUSABLE: Final = Reason("no usable answer from the server")
_TOO_LARGE: Final = Reason("too large for the server")
_FAULTY: Final = Reason("the server had a fault of its own")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]*)?")
_DECODER: Final = msgspec.json.Decoder()
_LATE: Final = (Fault.TIMED_OUT, Fault.LOST)  # the server had the request


def classify(
    reply: Reply,
    now: float,
    says_success: Callable[[dict[str, Any]], bool],
    content: str = "",
    secrets: Sequence[str] = (),
) -> Outcome:
    """Class `reply`, the answer to a save or a question.

    `now` is Unix seconds, for a `Retry-After` that names a date. `says_success` is the dialect's
    own: whether the JSON object of a 2xx says that the request was carried out. Then the kind is
    `DELIVERED`, of a question as well, which delivers nothing: there, go by `is_success`. Neither
    `content` nor any of `secrets` shows in the message.
    """
    status = reply.status
    # Of an answer that broke off, only a status other than a success counts.
    if status is None or (reply.fault in _LATE and _is_success(status)):
        reason = _why_broken_off(reply)
        return Outcome(
            Kind.NO_ANSWER if reply.fault in _LATE else Kind.OUTAGE,
            status, one_line(str(reason)), None, reply.duration,
            timed_out=reply.fault is Fault.TIMED_OUT,
            may_have_it=reply.fault not in (None, Fault.UNREACHABLE), reason=reason,
        )  # fmt: skip
    body = None if _target(reply) else json_object(reply)  # no item causes a redirect
    kind = _BY_STATUS.get(status, Kind.ITEM_FAILURE)
    if body is None and status < HTTPStatus.BAD_REQUEST:
        kind = Kind.OUTAGE
    elif body is not None and _is_success(status) and says_success(body):
        return Outcome(Kind.DELIVERED, status, "", None, reply.duration)
    reason = _reason(reply, status, body, content, secrets)
    name = reply.headers.get("x-request-id", "")  # by which the server's log can be searched
    is_name = _REQUEST_ID.fullmatch(name) and not _shows(name, content, secrets)
    # Only a 4xx says that nothing was stored. A gateway may give up while the server goes on, and
    # a page may replace only the answer.
    may_have_it = not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Outcome(
        kind, status, one_line(str(reason)), retry_after(reply, now), reply.duration,
        may_have_it=may_have_it, request_id=name if is_name else "", reason=reason,
    )  # fmt: skip


def no_use(status: int, why: Reason) -> Reason:
    """Say why an answer is no delivery: STORED_NOTHING, NOT_KEPT or HOLDS_NUL."""
    return Reason(_NO_USE, status=_named(status), why=why)


def failed_later(reply: Reply, content: str, secrets: Sequence[str]) -> Reason:
    """Say why a memory that a server took in was not stored, with the server's words."""
    words = one_line(said(json_object(reply)))
    if not words or _shows(words, content, secrets):
        return FAILED_LATER
    return Reason(_FAILED_SAYING, words=words)


def has_failed_later(reason: Reason) -> bool:
    """Return whether this reason is about a memory that the server took in first."""
    return reason in (FAILED_LATER, FORGOTTEN) or reason.find(_FAILED_SAYING) is not None


def in_plain_words(reason: Reason) -> Reason:
    """Say why a memory was not taken without the server's words, where ours say it."""
    inner = reason.get("why")
    if isinstance(inner, Reason):
        return inner
    if has_failed_later(reason):
        return FORGOTTEN if reason == FORGOTTEN else FAILED_LATER
    if not reasons.is_quoted(reason):
        return reason
    status = status_in(str(reason))
    if status is None:
        return UNUSABLE
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _TOO_LARGE
    return _FAULTY if status >= HTTPStatus.INTERNAL_SERVER_ERROR else REJECTED


def status_in(message: str) -> int | None:
    """Read the status that a message begins with: all that a file without ledger has."""
    found = re.match(r"[1-5][0-9][0-9]\b", message)
    return int(found[0]) if found else None


def redirected_to(reason: Reason) -> str:
    """Return the address to which a request was redirected; empty for any other reason."""
    found = reason.find(_ELSEWHERE)
    return str(found.get("address")) if found is not None else ""


def json_object(reply: Reply) -> dict[str, Any] | None:
    """Read the JSON object in the answer; None: cut off, compressed, or something else."""
    found = json_value(reply)
    return found if isinstance(found, dict) else None


def json_value(reply: Reply) -> Any:
    """Read the JSON value in the answer, or None."""
    if reply.value is UNSET:
        packed = reply.headers.get("content-encoding", "identity").lower() != "identity"
        reply.value = None if reply.fault is not None or packed else _decoded(reply.body)
    return reply.value


def _decoded(body: bytes) -> Any:
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        return _DECODER.decode(body)
    # The fast parser refuses lone surrogates, NaN and a byte order mark.
    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return None


def retry_after(reply: Reply, now: float) -> float | None:
    """Read the seconds to wait, from 0 to 3600; None when the answer names none."""
    text = reply.headers.get("retry-after", "").strip()
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        from email.utils import parsedate_to_datetime  # rare

        try:
            moment = parsedate_to_datetime(text)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, 0.0), LONGEST_ASKED)


def health(reply: Reply, *, healthy: bool) -> Health:
    """Make the health that a probe has shown; `healthy` is what the dialect makes of it."""
    status, path = reply.status, reply.asked[1].partition("?")[0]
    if healthy:
        return Health(healthy=True, reason=reasons.NONE, status=status, path=path)
    answer = advice = reasons.NONE
    if status is None or (status == HTTPStatus.OK and reply.fault in _LATE):
        reason = _why_broken_off(reply)
        is_plain = reason.find(NO_TLS.id) is not None
        advice = remedy.of_no_tls(reply.asked[0]) if is_plain else remedy.of_untrusted(reason)
    else:
        address = _target(reply)
        advice = remedy.of_redirect(address)
        is_odd = status == HTTPStatus.OK and json_object(reply) is None
        other = Reason("something that is not a JSON object")
        answer = other if is_odd else _redirected(address, _named(status))
        reason = Reason(_HEALTH_ANSWER, answer=answer)
    sentence = reasons.advised(reasons.sentence(reason), advice)
    return Health(
        healthy=False, reason=sentence, status=status, path=path, answer=answer, advice=advice
    )


def _why_broken_off(reply: Reply) -> Reason:
    if reply.fault is Fault.TIMED_OUT:
        return Reason(_NO_ANSWER, number=f"{reply.duration:.3g}")
    return reply.detail or (reply.fault or Fault.UNREACHABLE).value


def _reason(
    reply: Reply,
    status: int,
    body: dict[str, Any] | None,
    content: str,
    secrets: Sequence[str],
) -> Reason:
    named = _named(status)
    if body is None and status < HTTPStatus.BAD_REQUEST:
        address = _target(reply)
        if address and not _shows(address, content, secrets):
            return _redirected(address, named)
        return no_use(status, reply.fault.value if reply.fault is Fault.TOO_LONG else _NOT_JSON)
    short = str(status)
    if _is_success(status):
        named, short = f"{named} without success", f"{status} without success"
    found = json_value(reply) if body is None else body
    words = said(found, beside=named) or _plain(reply)
    if not _shows(words, content, secrets):
        words = one_line(words)
        return reasons.quoted(one_line(f"{short}: {words}" if words else named))
    mark = code(found)
    hidden = not mark or _shows(mark, content, secrets)
    return reasons.quoted(named if hidden else f"{named} ({mark})")


def _shows(words: str, content: str, secrets: Sequence[str]) -> bool:
    """Return whether the server's words show what they must not; of a long text, any may."""
    if len(content) > LONGEST_TEXT:  # to compare them would take too long
        return bool(words)
    return repeats(words, content, REPEATED) or any(
        secret in words or repeats(words, secret, REPEATED_SECRET) for secret in secrets if secret
    )


def _plain(reply: Reply) -> str:
    if reply.fault is not None or reply.headers.get("content-encoding"):
        return ""
    text = reply.body[:4000].decode("utf-8", "replace").strip()
    return "" if text[:1] in ("", "<", "{", "[") or "\ufffd" in text else text


def _redirected(address: str, answer: str) -> Reason:
    if not address:
        return reasons.quoted(answer)
    return Reason(_ELSEWHERE, status=answer, address=one_line(address))


def _target(reply: Reply) -> str:
    location = reply.headers.get("location")
    if not location or (reply.status or 0) // 100 != HTTPStatus.MULTIPLE_CHOICES // 100:
        return ""
    try:
        parts = urlsplit(urljoin("".join(reply.asked), location))
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    way = quote(parts.path.partition(";")[0], safe="/%:@!$&'()*+,=~")
    return f"{parts.scheme}://{host}{'' if way == '/' else way}" if host else ""


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
