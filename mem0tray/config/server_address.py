"""The address of a server, checked: its parts, and the key that goes there."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from mem0tray.config import keyring_key
from mem0tray.config.setting_rules import is_token
from mem0tray.config.settings import LOCAL_URL, ServerSettings
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason

# A server listens there on all interfaces; a client that connects there gets nowhere on Windows.
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (nothing listens)
_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.IGNORECASE)
_PATH = re.compile(r"[A-Za-z0-9/._~!$&'()*+,;=:@%-]*")


class ServerAddress(Struct, frozen=True):
    """A server's address, checked, with the key that only that server gets.

    `url` is the address in one normal form, without a slash at its end: its name in the ledger.
    `host` is what people and the `Host` header see: with the port unless it is the usual one.
    `hostname` is ASCII, an IPv6 address without its brackets. `prefix` is the path that every
    request begins with, often empty. `token` is a secret and appears in no representation.
    """

    url: str
    host: str
    scheme: str
    hostname: str
    port: int
    prefix: str
    is_loopback: bool
    token: str = ""
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"ServerAddress({self.url!r})"

    @property
    def plain_http(self) -> bool:
        """Whether anybody on the way can read along."""
        return self.scheme == "http"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The hosts to connect to: no resolver is asked for a name of this computer."""
        is_name = self.hostname.rstrip(".").lower().endswith("localhost") and self.is_loopback
        return ("127.0.0.1", "::1") if is_name else (self.hostname,)

    @classmethod
    def from_settings(
        cls, server: ServerSettings, *, keyring_within: float = keyring_key.PATIENCE
    ) -> "ServerAddress":
        """Return the address that `[server]` names; the embedded server has none there.

        With `keyring_within=0` (seconds) no keyring is asked for the key. Raises SettingsError.
        """
        if server.url in ("", LOCAL_URL):
            raise SettingsError(
                Reason("No server's address has been set."),
                Reason("Set it with `mem0tray config set server.url ADDRESS`."),
            )
        token, plain = server.api_key, server.allow_plain_key
        if is_in_keyring(server) and keyring_within:
            token = keyring_key.read(cls.of(server.url).url, keyring_within)
        return cls.of(server.url, token, ca_file=server.ca_file, allow_plain_key=plain)

    @classmethod
    def of(
        cls, url: str, token: str = "", *, ca_file: str = "", allow_plain_key: bool = False
    ) -> "ServerAddress":
        """Return an address from its parts.

        Raises SettingsError if it cannot be used, or the key would go in the clear elsewhere.
        """
        parts = _split(url)
        hostname = _ascii_host(parts)
        port = parts.port or _PORTS[parts.scheme]
        shown = f"[{hostname}]" if ":" in hostname else hostname
        host = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
        prefix = parts.path.rstrip("/")
        token = token.strip()
        if token and not is_token(token):
            raise SettingsError(
                Reason("The API key contains blanks, control characters or letters beyond ASCII."),
                Reason("Copy it again into server.api_key."),
            )
        address = cls(
            url=f"{parts.scheme}://{host}{prefix}",
            host=host,
            scheme=parts.scheme,
            hostname=hostname,
            port=port,
            prefix=prefix,
            is_loopback=is_loopback(hostname),
            token=token,
            ca_file=checked_ca_file(ca_file.strip()) if parts.scheme == "https" else "",
        )
        if address.token and address.plain_http and not address.is_loopback and not allow_plain_key:
            raise SettingsError(
                Reason(
                    "The API key would go unencrypted to {host}, readable on the way.", host=host
                ),
                Reason("Use an https:// address, or allow it with server.allow_plain_key = true."),
            )
        return address


def is_in_keyring(server: ServerSettings) -> bool:
    """Return whether the keyring has the key: it is set so, and no other place has one."""
    return server.keyring and not server.api_key


def is_loopback(hostname: str) -> bool:
    """Return whether `hostname` can mean nothing but this computer."""
    name = hostname.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _split(url: str) -> SplitResult:
    """Return the parts of an address; nothing before an `@` is ever shown."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if usable and "@" in parts.netloc:
        raise SettingsError(
            Reason("The server's address contains a user name or password."),
            Reason("Leave it out, and set server.api_key instead."),
        )
    if not usable or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise SettingsError(
            Reason(
                "{address} cannot be used as a server's address.",
                address=repr(url.rpartition("@")[2][:200]),
            ),
            Reason("It must look like https://mem0.example.com or http://192.168.1.20:8000."),
        )
    return parts


def _ascii_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        if ":" in host and "%" not in host:  # a zone has no place in the Host header
            name = str(ipaddress.IPv6Address(host))
            return _HERE.get(name, name)
        name = host.encode("ascii" if host.isascii() else "idna").decode("ascii")
    except ValueError:
        name = ""
    if not _HOST_NAME.fullmatch(name):
        raise SettingsError(
            Reason("{name} is not the name of a host.", name=repr(host[:200])),
            Reason("Correct it: `mem0tray config set server.url ADDRESS`."),
        )
    return _HERE.get(name, name)


def checked_ca_file(name: str) -> str:
    """Return the path of the authorities' file, which is read once; empty for none.

    Raises SettingsError when it holds none, or cannot be read.
    """
    if not name:
        return ""
    file = Path(name).expanduser()
    try:
        # Slow to import, and only needed for such a file.
        import ssl

        ssl.create_default_context(cafile=str(file))
    except (OSError, ValueError) as error:
        raise SettingsError(
            Reason(
                "The file {file} of server.ca_file holds no certificate that can be read ({why}).",
                file=repr(str(file)[:200]),
                why=reasons.of_system(error) if isinstance(error, OSError) else str(error),
            ),
            Reason(
                "Name a PEM file with the authority's certificate,"
                " or type `mem0tray config unset server.ca_file`."
            ),
        ) from error
    return str(file)
