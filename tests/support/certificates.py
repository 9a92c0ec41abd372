"""Certificates of the tests: a private authority, and what is wrong with others."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

HOST = "127.0.0.1"


class Authority:
    """A private authority; `file` (PEM) is what the program is to trust."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def context(self, *names: str, ended: timedelta | None = None) -> ssl.SSLContext:
        """Certify a server with these names; `ended`: it has been invalid for so long."""
        end = None if ended is None else datetime.now(UTC) - ended
        begin = None if end is None else end - timedelta(days=30)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = self._authority.issue_cert(*names, not_before=begin, not_after=end)
        issued.configure_cert(made)
        return made
