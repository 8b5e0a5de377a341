"""Who belongs to a workspace, and as what."""

from datetime import datetime
from enum import StrEnum

import attrs

from chatcore.ids import UserId, WorkspaceId


class Role(StrEnum):
    """Roles in a workspace, most powerful first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"


@attrs.frozen(kw_only=True)
class Member:
    """A membership as stored."""

    workspace_id: WorkspaceId
    user_id: UserId
    role: Role
    joined_at: datetime
    invited_by: UserId | None = None


@attrs.frozen(kw_only=True)
class MemberCard:
    """A membership as listed: with the person's public face."""

    user_id: UserId
    display_name: str
    avatar_url: str | None = None
    role: Role
    is_bot: bool = False
    deactivated: bool = False
