"""The response headers that every answer of the API carries."""

STRICT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The API answers data: a browser that is made to show it as a page may load and run nothing."""

_ALWAYS = (
    ("Content-Security-Policy", STRICT_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-site"),
    ("Cache-Control", "no-store"),
)
_OVER_TLS = (*_ALWAYS, ("Strict-Transport-Security", "max-age=31536000"))


def security_headers(secure: bool) -> list[tuple[str, str]]:
    """A fresh list; `secure`: the client came over TLS."""
    return list(_OVER_TLS if secure else _ALWAYS)
