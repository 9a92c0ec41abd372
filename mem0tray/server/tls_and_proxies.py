"""What httpx is told of the way to a server: who vouches for it, and which proxy leads there."""

import contextlib
import functools
import ssl
from urllib.request import getproxies, proxy_bypass

import httpx

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.reasons import Reason
from mem0tray.server.unreachable import UnreachableError


def authorities(there: ServerAddress) -> ssl.SSLContext:
    """The authorities that vouch for the server: those of `ca_file` alone, else the public ones.

    Raises UnreachableError when the file cannot be read.
    """
    if there.plain_http:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody is asked
    if not there.ca_file:
        return _public_authorities()
    try:
        return ssl.create_default_context(cafile=there.ca_file)
    except (OSError, ValueError) as error:
        raise UnreachableError(Reason("the file of server.ca_file cannot be read")) from error


@functools.lru_cache(maxsize=1)
def _public_authorities() -> ssl.SSLContext:
    """The authorities of httpx or SSL_CERT_FILE, and the system's, where a company's own are.

    Shared, since they take long to read.
    """
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


def proxy(there: ServerAddress) -> httpx.Proxy | None:
    """The proxy that the environment or the system names; this computer needs none.

    Found as Python finds it: httpx looks for one only in its client, and does not know the
    exceptions in the settings of Windows and macOS. Raises UnreachableError for one that
    cannot be used: it is not gone around.
    """
    # httpcore cannot name an IPv6 address to a proxy.
    if there.is_loopback or ":" in there.hostname:
        return None
    found = getproxies()
    address = found.get(there.scheme) or found.get("all")
    if not address or proxy_bypass(f"{there.hostname}:{there.port}"):
        return None
    with contextlib.suppress(httpx.InvalidURL, ValueError):
        named = httpx.Proxy(address if "://" in address else f"http://{address}")
        if named.url.scheme == "http" and named.url.host:
            return named
    raise UnreachableError(Reason("the proxy of this computer's settings is not an http:// proxy"))
