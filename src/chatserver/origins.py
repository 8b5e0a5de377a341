"""Which web pages may talk to us with a person's cookies: our own, and those of the setting `allowed_origins`."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from chatcore.errors import ConfigError, Forbidden
from chatserver.client import Client, Headers

_DEFAULT_PORTS = {"http": 80, "https": 443}
CORS_HEADERS = "Authorization, Content-Type, X-CSRF-Token, X-Request-Id"
CORS_METHODS = "GET, POST, PUT, PATCH, DELETE"
CORS_EXPOSED = "X-Request-Id, Retry-After"


class Origins:
    """Compares whole origins (scheme, host, port): what merely looks alike, and `null`, is foreign."""

    def __init__(self, allowed: Sequence[str]) -> None:
        """`allowed`: origins like `https://chat.example.org`. Raises ConfigError."""
        parsed = {text: _parse(text) for text in allowed}
        for text, origin in parsed.items():
            if origin is None:
                raise ConfigError(f"allowed_origins: {text!r} is no origin like https://chat.example.org")
        self._allowed = frozenset(parsed.values())

    def allows(self, origin: str, client: Client) -> bool:
        """Whether a page of this origin is ours, or one that the operator named."""
        parsed = _parse(origin)
        return parsed is not None and (parsed in self._allowed or parsed == _parse(client.base_url))

    def require(self, headers: Headers, client: Client) -> None:
        """Refuse what a foreign page sent. Raises Forbidden.

        Browsers name the origin with every request that can change something; programs that name none are no browsers.
        """
        origin = headers.get("origin")
        if origin is not None:
            if not self.allows(origin, client):
                raise Forbidden(
                    "This page may not act for you here: the operator names trusted pages in allowed_origins."
                )
        elif headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise Forbidden("A page of another site may not act for you here.")

    def cors_headers(self, headers: Headers, client: Client) -> list[tuple[str, str]]:
        """What lets a trusted page of another origin read the answer."""
        origin = headers.get("origin")
        if origin is None:
            return []
        varies = [("Vary", "Origin")]
        if not self.allows(origin, client):
            return varies
        return [
            *varies,
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", CORS_EXPOSED),
        ]


def _parse(text: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if port is None or not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port
