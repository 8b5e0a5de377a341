"""What we and the TURN server agree on: credentials that it can check without asking us.

The scheme is that of coturn's `use-auth-secret`: the user name is `EXPIRY:userId`, the password the base64 of the
HMAC-SHA1 of it under the secret that both share.
"""

import base64
import hashlib
import hmac


def turn_credentials(secret: str, user_id: str, expiry: int) -> tuple[str, str]:
    """User name and password that are good until `expiry`, in seconds since 1970."""
    username = f"{expiry}:{user_id}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def turn_urls(setting: str) -> tuple[str, ...]:
    """The addresses of the setting, comma-separated; one that names no transport is given with UDP and with TCP."""
    found: list[str] = []
    for url in filter(None, (part.strip() for part in setting.split(","))):
        known = "?transport=" in url or url.startswith("turns:")
        found += [url] if known else [f"{url}?transport=udp", f"{url}?transport=tcp"]
    return tuple(found)
