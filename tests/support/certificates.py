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

    def certificate(self, *names: str, ended: timedelta | None = None) -> trustme.LeafCert:
        """Issue one for these hosts; `ended`: it has been invalid for so long."""
        now = datetime.now(UTC)
        if ended is None:
            return self._authority.issue_cert(*names)
        return self._authority.issue_cert(
            *names, not_before=now - ended - timedelta(days=30), not_after=now - ended
        )

    def context(self, *names: str, ended: timedelta | None = None) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate(*names, ended=ended).configure_cert(made)
        return made
