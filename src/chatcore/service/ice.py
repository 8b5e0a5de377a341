"""STUN and TURN for clients: what they give their connections."""

import attrs

from chatcore.config import Config
from chatcore.ids import UserId
from chatcore.ports import Clock, turn_credentials, turn_urls

CREDENTIAL_SECONDS = 24 * 3600
"""A client uses what it was given for as long as its huddle lasts."""


@attrs.frozen(kw_only=True)
class IceServer:
    """RTCIceServer."""

    urls: str
    username: str | None = None
    credential: str | None = None


def ice_servers(config: Config, clock: Clock, user_id: UserId) -> tuple[IceServer, ...]:
    """What a client of this person gives its connections."""
    stun = () if config.stun_server_url is None else (IceServer(urls=config.stun_server_url),)
    if config.turn_server_url is None or config.turn_secret is None:
        return stun
    expiry = int(clock.now().timestamp()) + CREDENTIAL_SECONDS
    username, credential = turn_credentials(config.turn_secret, user_id, expiry)
    turn = (IceServer(urls=url, username=username, credential=credential) for url in turn_urls(config.turn_server_url))
    return *stun, *turn
