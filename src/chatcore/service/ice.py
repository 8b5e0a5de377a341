"""STUN and TURN for clients, with credentials that the TURN server can check without asking us.

The scheme is that of coturn's `use-auth-secret`: the user name is `EXPIRY:userId`, the password the base64 of the
HMAC-SHA1 of it under the secret that both share.
"""

import base64
import hashlib
import hmac

import attrs

from chatcore.config import Config
from chatcore.ids import UserId
from chatcore.ports import Clock

CREDENTIAL_SECONDS = 24 * 3600
"""A client uses what it was given for as long as its huddle lasts."""


@attrs.frozen(kw_only=True)
class IceServer:
    """RTCIceServer."""

    urls: str
    username: str | None = None
    credential: str | None = None


def credentials(secret: str, user_id: str, expiry: int) -> tuple[str, str]:
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


def ice_servers(config: Config, clock: Clock, user_id: UserId) -> tuple[IceServer, ...]:
    """What a client of this person gives its connections."""
    stun = () if config.stun_server_url is None else (IceServer(urls=config.stun_server_url),)
    if config.turn_server_url is None or config.turn_secret is None:
        return stun
    expiry = int(clock.now().timestamp()) + CREDENTIAL_SECONDS
    username, credential = credentials(config.turn_secret, user_id, expiry)
    turn = (IceServer(urls=url, username=username, credential=credential) for url in turn_urls(config.turn_server_url))
    return *stun, *turn
