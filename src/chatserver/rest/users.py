"""The signed-in person."""

from datetime import datetime

import attrs

from chatcore.ids import UserId
from chatcore.model import TokenScope, User
from chatserver.fields import ABSENT, DisplayName, Link, PersonName
from chatserver.parts import Call
from chatserver.route import ANY_TOKEN, route


@attrs.frozen(kw_only=True)
class UserResponse:
    """An account, as its owner sees it."""

    id: UserId
    email: str
    display_name: str
    first_name: str
    last_name: str
    avatar_url: str | None = None
    email_verified: bool
    is_bot: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "UserResponse":
        return cls(
            id=user.id,
            email=user.email,
            display_name=user.display_name,
            first_name=user.first_name,
            last_name=user.last_name,
            avatar_url=user.avatar_url,
            email_verified=user.email_verified,
            is_bot=user.is_bot,
            created_at=user.created_at,
        )


@attrs.frozen(kw_only=True)
class UpdateUserRequest:
    """What is not named stays as it is; `avatarUrl: null` removes the picture."""

    first_name: PersonName = ABSENT
    last_name: PersonName = ABSENT
    display_name: DisplayName = ABSENT
    avatar_url: Link | None = ABSENT


async def get_me(call: Call) -> UserResponse:
    """The signed-in user."""
    return UserResponse.of(await call.chat.users.get(call.actor))


async def update_me(call: Call, body: UpdateUserRequest) -> UserResponse:
    """Change one's own profile."""
    user = await call.chat.users.update(
        call.actor,
        actor=call.actor,
        first_name=body.first_name,
        last_name=body.last_name,
        display_name=body.display_name,
        avatar_url=body.avatar_url,
    )
    return UserResponse.of(user)


ROUTES = (
    route("GET", "/api/users/me", get_me, needs=ANY_TOKEN),
    route("PATCH", "/api/users/me", update_me, needs=TokenScope.PROFILE_WRITE),
)
