"""Accepting an invite inside a transaction: also part of registering."""

import hashlib
from datetime import datetime

import attrs

from chatcore.errors import NotFound
from chatcore.model import Invite, User
from chatcore.ports import Tx
from chatcore.service.facts import Facts
from chatcore.service.membership import join_workspace


def token_hash(token: str) -> str:
    """What is stored of an invite's token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def good(tx: Tx, token: str, now: datetime) -> Invite:
    """The invite of a token, while it can be used. Raises NotFound."""
    found = await tx.invites.find(token_hash=token_hash(token))
    if not found or not _is_good(found[0], now):
        raise NotFound("This invite does not exist, is used up or has expired: ask for a new one.")
    return found[0]


async def accept(tx: Tx, facts: Facts, token: str, user: User, now: datetime) -> bool:
    """Join the invite's workspace in its role; False for a member, who stays what they are and uses nothing up.
    Raises NotFound.
    """
    invite = await good(tx, token, now)
    if not await join_workspace(tx, facts, invite.workspace_id, user, invite.role, now, invite.created_by):
        return False
    await tx.invites.update(attrs.evolve(invite, uses=invite.uses + 1))
    return True


def _is_good(invite: Invite, now: datetime) -> bool:
    return (
        invite.revoked_at is None
        and (invite.expires_at is None or now < invite.expires_at)
        and (invite.max_uses is None or invite.uses < invite.max_uses)
    )
