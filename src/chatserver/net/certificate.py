"""TLS by a certificate and its key in files, taken up again when they are renewed.

Connections that are open keep the certificate that they began with; each new one gets the newest. A pair that does not
fit together changes nothing: whoever renews writes two files, one after the other.
"""

import logging
import ssl
from pathlib import Path

import trio

from chatcore import Config
from chatcore.errors import ConfigError

WATCH_SECONDS = 5.0
"""How often the files are looked at."""
PROTOCOLS = ("h2", "http/1.1")
"""Offered by ALPN, the better one first."""

_Seen = tuple[tuple[int, int, int], ...]

log = logging.getLogger(__name__)


class Certificate:
    """See the module. `watch` must be running for renewals to be noticed; `renew` looks at once."""

    def __init__(self, cert: Path, key: Path | None = None) -> None:
        """`cert`: PEM, the server's own certificate first, then those that vouch for it. `key`: its private key, unless
        that is in the same file; not encrypted. Raises ConfigError.
        """
        self._cert, self._key = cert, key or cert
        self._seen = self._look()
        self.context = self._load()
        """For the next connection."""

    @classmethod
    def of(cls, config: Config) -> "Certificate | None":
        """As the settings say; None without TLS. Raises ConfigError."""
        if config.tls_cert is None:
            if config.tls_key is not None:
                raise ConfigError("tls_key: there is no tls_cert that it belongs to")
            return None
        return cls(Path(config.tls_cert), None if config.tls_key is None else Path(config.tls_key))

    async def watch(self) -> None:
        """Take up every renewal, until cancelled."""
        while True:
            await trio.sleep(WATCH_SECONDS)
            if await trio.to_thread.run_sync(self._look) != self._seen:
                await self.renew()

    async def renew(self) -> bool:
        """Read the files again; whether they were good. If not, everything stays as it was, and the log says why."""
        seen = await trio.to_thread.run_sync(self._look)
        try:
            context = await trio.to_thread.run_sync(self._load)
        except ConfigError as error:
            log.warning("the certificate was not renewed, the old one stays: %s", error)
            return False
        finally:
            self._seen = seen
        self.context = context
        log.info("new connections get the certificate as it is now in %s", self._cert)
        return True

    def _look(self) -> _Seen:
        """What changes when one of the files does."""
        found = []
        for path in (self._cert, self._key):
            try:
                status = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)

    def _load(self) -> ssl.SSLContext:
        for name, path in (("tls_cert", self._cert), ("tls_key", self._key)):
            try:
                path.read_bytes()
            except OSError as error:
                raise ConfigError(f"{name}: {path} cannot be read: {error.strerror}") from error
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self._cert, self._key, password=_no_password)
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            raise ConfigError(
                f"tls_cert: {self._cert} and the key in {self._key} are not a certificate and its unencrypted key "
                f"in PEM: {reason}"
            ) from error
        context.set_alpn_protocols(list(PROTOCOLS))
        return context


def _no_password() -> str:
    """OpenSSL would otherwise ask on the terminal, and wait."""
    return ""
