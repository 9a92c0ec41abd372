"""The class that an answer belongs to, and its words: the contract, section 3. Pure.

This module has what holds for HTTP and every dialect. Which answers mean "stored" or "healthy" is
up to the dialect (`vps.py`). What follows from the class for memories and server is decided in
`worker/sending/verdict.py`.

The messages are an interface. The ledger keeps kind and status beside a message, and readers go
by those where they can; but `last_error` in the DLQ file is a text alone, and a sentence of ours
must be told in the user's language. `retold`, `in_short` and `brief` read messages again, those
of former releases too: a message with new words must still be known by its old words.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC
from http import HTTPStatus
from string import Formatter
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from mem0tray.core import reasons
from mem0tray.core.due import LONGEST_ASKED
from mem0tray.core.item import LONGEST_TEXT, Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.server import certificates
from mem0tray.server.model import NO_TLS, Fault, Health, Outcome, Reply
from mem0tray.server.redaction import REPEATED, REPEATED_SECRET, code, repeats, said
from mem0tray.server.remedy import of_no_tls, of_redirect

_BY_STATUS = {
    401: Kind.UNAUTHORIZED,
    403: Kind.FORBIDDEN,
    404: Kind.FORBIDDEN,
    405: Kind.FORBIDDEN,
    429: Kind.SLOW_DOWN,
    502: Kind.OUTAGE,
    503: Kind.OUTAGE,
    504: Kind.OUTAGE,
}
NO_PROJECT = Reason("invalid content: {why}", why=Reason("the item names no project"))
_NO_ANSWER = Reason("no answer after {number} s").id
_ELSEWHERE = Reason("{status} to {address}, which is not followed").id
_NO_USE = Reason("{status}, but {why}").id
FAILED_LATER = Reason("the server took it in, and could not store it")
FORGOTTEN = Reason("the server took it in, and knows nothing of it any more")
_FAILED_SAYING = Reason("the server took it in, and could not store it: {words}").id
_HEALTH_ANSWER = Reason("the health check was answered with {answer}").id
_NOT_JSON = Reason("the answer is not a JSON object")
STORED_NOTHING = Reason("the server stored nothing")
NOT_KEPT = Reason("the server does not have what it said that it stored")
HOLDS_NUL = Reason("the memory holds the character NUL, which the server cannot store")
_WHY_NO_USE = {
    str(each): each
    for each in (_NOT_JSON, Fault.TOO_LONG.value, STORED_NOTHING, NOT_KEPT, HOLDS_NUL)
}
# What stands in these places of our messages; after a colon come the words of a server.
_PLACES = {
    "number": r"[0-9][0-9.e+]*",
    "status": r"[1-5][0-9][0-9](?: [A-Za-z' -]+)?",
    "address": r"[^ ]*://[^ ]+",
    "why": "|".join(map(re.escape, _WHY_NO_USE)),
    "words": r".*",
}
_LONGEST_WAY = 100  # characters of a path that is shown
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
_ANSWER = re.compile(r"([1-5][0-9][0-9]) [A-Za-z' -]+?((?:: | without ).*)")
_DECODER = msgspec.json.Decoder()


def classify(
    reply: Reply,
    now: float,
    says_success: Callable[[dict[str, Any]], bool],
    content: str = "",
    secrets: Sequence[str] = (),
) -> Outcome:
    """The outcome that follows from `reply`, the answer to a save or a question.

    `now` is Unix seconds, for a `Retry-After` that names a date. `says_success` is the dialect's
    own: whether the JSON object of a 2xx says that the request was carried out. Then the kind is
    `DELIVERED`, of a question as well, which delivers nothing: there, go by `is_success`. Neither
    `content` nor any of `secrets` shows in the message.
    """
    status = reply.status
    # Of an answer that broke off, only a status other than a success counts.
    if status is None or (reply.fault in (Fault.TIMED_OUT, Fault.LOST) and _is_success(status)):
        return _broken_off(reply)
    body = None if _target(reply) else json_object(reply)  # no item causes a redirect
    kind = _kind(status, body, says_success)
    if kind is Kind.DELIVERED:
        return Outcome(kind, status, "", None, reply.duration)
    message = _message(reply, status, body, content, secrets)
    wait = retry_after(reply, now)
    # Only a 4xx says that nothing was stored. A gateway may give up while the server goes on, and
    # a page may replace only the answer.
    may_have_it = not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Outcome(
        kind, status, message, wait, reply.duration,
        may_have_it=may_have_it, request_id=_request_id(reply, content, secrets),
    )  # fmt: skip


def no_use(status: int, why: Reason) -> str:
    """The message for an answer of this status that is no delivery, for a reason of ours.

    `why` is one of those that `retold` knows again: STORED_NOTHING, NOT_KEPT or HOLDS_NUL.
    """
    return one_line(str(Reason(_NO_USE, status=_named(status), why=why)))


def failed_later(reply: Reply, content: str, secrets: Sequence[str]) -> str:
    """The message for a memory that a server took in but did not store, with the server's words."""
    words = said(json_object(reply))
    if not words.strip() or _shows(words, content, secrets):
        return str(FAILED_LATER)
    return one_line(str(Reason(_FAILED_SAYING, words=one_line(words))))


def has_failed_later(said: Reason) -> bool:
    """Whether this reason, from `retold`, is about a memory that the server took in first."""
    return said in (FAILED_LATER, FORGOTTEN) or said.find(_FAILED_SAYING) is not None


def _request_id(reply: Reply, content: str, secrets: Sequence[str]) -> str:
    """The request's id, by which the server's log can be searched; empty if the answer has none."""
    name = reply.headers.get("x-request-id", "")
    fits = _REQUEST_ID.fullmatch(name) is not None
    return name if fits and not _shows(name, content, secrets) else ""


def json_object(reply: Reply) -> dict[str, Any] | None:
    """The JSON object in the answer, or None: cut off, compressed, or something else."""
    found = json_value(reply)
    return found if isinstance(found, dict) else None


def json_value(reply: Reply) -> Any:
    """The JSON value in the answer, or None."""
    if reply.fault is not None or not reply.body:
        return None
    if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
        return None
    try:
        return _DECODER.decode(reply.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        # The fast parser refuses lone surrogates, NaN and a byte order mark.
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def retry_after(reply: Reply, now: float) -> float | None:
    """Seconds to wait, from 0 to 3600, or None when the answer names none."""
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
    """The health that a probe has shown, with its words if it is bad.

    `healthy` is the dialect's own: whether this answer is that of a healthy server.
    """
    status, path = reply.status, reply.asked[1].partition("?")[0]
    remedy = reasons.NONE
    if healthy:
        return Health(healthy=True, reason=reasons.NONE, status=status, path=path)
    if status is None:
        reason = _why_broken_off(reply)
        if reason.find(NO_TLS.id):
            remedy = of_no_tls(reply.asked[0])
        else:
            remedy = certificates.remedy(reason)
    elif status != HTTPStatus.OK:
        address = _target(reply)
        remedy = of_redirect(address)
        reason = _health_answer(_redirected(address, _named(status)))
    elif reply.fault in (Fault.TIMED_OUT, Fault.LOST):
        reason = _why_broken_off(reply)
    elif json_object(reply) is None:
        reason = _health_answer(Reason("something that is not a JSON object"))
    else:
        reason = _health_answer(reasons.quoted(_named(status)))
    told = reasons.advised(reasons.sentence(reason), remedy)
    return Health(healthy=False, reason=told, status=status, path=path)


def _health_answer(answer: Reason) -> Reason:
    return Reason(_HEALTH_ANSWER, answer=answer)


def health_answer(reason: Reason) -> Reason:
    """The answer that a probe got, taken out of what `health` said about it."""
    found = reason.find(_HEALTH_ANSWER)
    answer = found.get("answer") if found is not None else None
    return answer if isinstance(answer, Reason) else reasons.bare(reason)


def _kind(
    status: int, body: dict[str, Any] | None, says_success: Callable[[dict[str, Any]], bool]
) -> Kind:
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status < HTTPStatus.BAD_REQUEST:
        if body is None:
            return Kind.OUTAGE
        if _is_success(status) and says_success(body):
            return Kind.DELIVERED
    return Kind.ITEM_FAILURE


def _broken_off(reply: Reply) -> Outcome:
    """The outcome when there is no status to go by. `retold` and `in_short` know its words."""
    fault = reply.fault or Fault.UNREACHABLE
    timed_out = fault is Fault.TIMED_OUT
    kind = Kind.NO_ANSWER if fault in (Fault.TIMED_OUT, Fault.LOST) else Kind.OUTAGE
    message = one_line(str(_why_broken_off(reply)))
    return Outcome(
        kind, reply.status, message, None, reply.duration,
        timed_out=timed_out, may_have_it=fault is not Fault.UNREACHABLE,
    )  # fmt: skip


def _why_broken_off(reply: Reply) -> Reason:
    fault = reply.fault or Fault.UNREACHABLE
    if fault is Fault.TIMED_OUT:
        return Reason(_NO_ANSWER, number=f"{reply.duration:.3g}")
    return reply.detail or fault.value


def retold(message: str) -> Reason:
    """The reason that a message in ledger or file stands for, if it is a sentence of ours.

    The words of a server stay as they are.
    """
    ours = (NO_PROJECT, FAILED_LATER, FORGOTTEN, *(fault.value for fault in Fault))
    whole = next((each for each in ours if str(each) == message), None)
    return whole or _filled_again(message) or reasons.quoted(message)


def _filled_again(message: str) -> Reason:
    """The reason whose pattern this message fits; NONE if there is none."""
    for sentence in (_NO_ANSWER, _ELSEWHERE, _NO_USE, _FAILED_SAYING):
        pattern = "".join(
            f"{re.escape(words)}(?P<{name}>{_PLACES[name]})" if name else re.escape(words)
            for words, name, _, _ in Formatter().parse(sentence)
        )
        found = re.fullmatch(pattern, message)
        if found is not None:
            places = found.groupdict()
            return Reason(
                sentence, **{name: _WHY_NO_USE.get(text, text) for name, text in places.items()}
            )
    return reasons.NONE


def in_short(last_error: str) -> tuple[int | None, bool]:
    """The status that a `last_error` of ours begins with, and whether the server answered at all.

    It is all that is left of a failure where the item came from another computer's file or
    the ledger was lost: the DLQ file has room for one short text (contract, section 1).
    """
    status, rest = last_error[:3], last_error[3:4]
    if status.isascii() and status.isdigit() and not rest.isalnum():
        return int(status), True
    begin, _, end = _NO_ANSWER.partition("{number}")
    silent = last_error[: len(begin)] == begin and last_error[-len(end) :] == end
    return None, not silent and last_error != str(Fault.LOST.value)


def brief(message: str) -> str:
    """A message with the most telling part first: `500: odd`, without the status in words."""
    found = _ANSWER.fullmatch(message)
    return message if found is None else f"{found[1]}{found[2]}"


def _message(
    reply: Reply,
    status: int,
    body: dict[str, Any] | None,
    content: str,
    secrets: Sequence[str],
) -> str:
    """One line about an answer that is no delivery; it begins with the status, for `in_short`."""
    named = _named(status)
    if body is None and status < HTTPStatus.BAD_REQUEST:
        if reply.fault is Fault.TOO_LONG:
            return str(Reason(_NO_USE, status=named, why=Fault.TOO_LONG.value))
        for address in (_target(reply), _target(reply, path=False)):
            if address and not _shows(address, content, secrets):
                return one_line(str(_redirected(address, named)))
        return one_line(str(Reason(_NO_USE, status=named, why=_NOT_JSON)))
    if _is_success(status):
        named += " without success"
    found = json_value(reply) if body is None else body
    words = said(found, beside=named) or _plain(reply)
    if _shows(words, content, secrets):
        mark = code(found)
        hidden = not mark or _shows(mark, content, secrets)
        return named if hidden else f"{named} ({mark})"
    words = one_line(words)
    return one_line(f"{named}: {words}" if words else named)


def _shows(words: str, content: str, secrets: Sequence[str]) -> bool:
    """Whether the server's words show what they must not; for a long text, any may."""
    if len(content) > LONGEST_TEXT:  # to compare them would take too long
        return bool(words)
    return repeats(words, content, REPEATED) or any(
        secret in words or repeats(words, secret, REPEATED_SECRET) for secret in secrets if secret
    )


def _plain(reply: Reply) -> str:
    """The text of a plain-text answer; a page is of no use in one line."""
    if reply.fault is not None or reply.headers.get("content-encoding"):
        return ""
    text = reply.body[:4000].decode("utf-8", "replace").strip()
    return "" if text[:1] in ("", "<", "{", "[") or "\ufffd" in text else text


def _redirected(address: str, answer: str) -> Reason:
    """An answer, and where it points if it is a redirect."""
    if not address:
        return reasons.quoted(answer)
    return Reason(_ELSEWHERE, status=answer, address=one_line(address))


def redirected_to(said: Reason) -> str:
    """The address to which this reason, from `retold`, says that a request was redirected."""
    found = said.find(_ELSEWHERE)
    return str(found.get("address")) if found is not None else ""


def _target(reply: Reply, *, path: bool = True) -> str:
    """Where a redirect points: scheme, host and path, no more; empty for any other answer.

    An endless path is no help to anybody.
    """
    if reply.status is None or reply.status // 100 != HTTPStatus.MULTIPLE_CHOICES // 100:
        return ""
    try:
        parts = urlsplit(urljoin("".join(reply.asked), reply.headers.get("location", "")))
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    if not host or not reply.headers.get("location"):
        return ""
    way = quote(parts.path.partition(";")[0], safe="/%:@!$&'()*+,=~")
    shown = way if path and way != "/" and len(way) <= _LONGEST_WAY else ""
    return f"{parts.scheme}://{host}{shown}"


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _named(status: int) -> str:
    """`503 Service Unavailable`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
