"""Cookies of a session: the access token, the refresh token, and the CSRF token that scripts may read.

Over TLS their names begin with `__Host-`: the browser then takes them only from this very host, over TLS, for the whole
site, so that no neighbour under the same domain can plant its own (RFC 6265bis §4.1.3.2).
"""

from collections.abc import Mapping

import attrs

ACCESS = "chatcore_access"
REFRESH = "chatcore_refresh"
CSRF = "chatcore_csrf"


def cookie_name(name: str, secure: bool) -> str:
    """The name of a cookie as it is set over TLS (`secure`), or not."""
    return f"__Host-{name}" if secure else name


def read(cookies: Mapping[str, str], name: str, secure: bool | None) -> str | None:
    """The value of one of our cookies; `secure` None: it is not known how the client came, so either name will do."""
    if secure is None:
        return cookies.get(cookie_name(name, True)) or cookies.get(name)
    return cookies.get(cookie_name(name, secure))


@attrs.define
class CookieJar:
    """The cookies that an answer sets."""

    _set: list[str] = attrs.Factory(list)

    def put(self, name: str, value: str, *, seconds: int, secure: bool, scripts: bool = False) -> None:
        """Set a cookie for so many seconds; `scripts`: those of the page may read it."""
        text = f"{cookie_name(name, secure)}={value}; Path=/; Max-Age={seconds}; SameSite=Lax"
        self._set.append(text + ("; Secure" if secure else "") + ("" if scripts else "; HttpOnly"))

    def drop(self, name: str, *, secure: bool) -> None:
        """Make the browser forget a cookie."""
        self.put(name, "", seconds=0, secure=secure, scripts=name == CSRF)

    def headers(self) -> list[str]:
        """The values of the `Set-Cookie` headers."""
        return list(self._set)
