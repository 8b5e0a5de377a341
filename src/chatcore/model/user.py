"""A person or a bot with an account on this installation."""

from datetime import datetime

import attrs

from chatcore.ids import UserId


@attrs.frozen(kw_only=True)
class User:
    """An account. `email` is stored normalised (see `chatcore.text.normalise_email`) and unique."""

    id: UserId
    email: str
    first_name: str = ""
    last_name: str = ""
    display_name: str
    avatar_url: str | None = None
    email_verified: bool = False
    is_bot: bool = False
    created_at: datetime
    updated_at: datetime
    deactivated_at: datetime | None = None


@attrs.frozen(kw_only=True)
class UserCard:
    """What others see beside a message: a name and a picture."""

    display_name: str
    avatar_url: str | None = None


def card_of(user: User) -> UserCard:
    """The public face of a user."""
    return UserCard(display_name=user.display_name, avatar_url=user.avatar_url)
