"""The first start: an empty database gets a workspace, a channel, and an owner who can sign in."""

import secrets

import attrs

from chatcore import Chat

OWNER_EMAIL = "owner@localhost"
WORKSPACE_SLUG = "default"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that is mistaken for something else when it is copied by hand."""


@attrs.frozen(kw_only=True)
class Owner:
    """How the owner of the first workspace signs in."""

    email: str
    password: str = attrs.field(repr=False)

    def announcement(self) -> str:
        """What the operator is told, once."""
        return (
            f"First start: made the workspace {WORKSPACE_SLUG!r} with the channel 'general'.\n"
            f"Sign in as its owner: e-mail {self.email}  password {self.password}\n"
            "The password is shown only this once. Change it with POST /api/auth/password, or make another with\n"
            f"`chatcore user reset-password {self.email}`.\n"
        )


async def bootstrap(chat: Chat) -> Owner | None:
    """Furnish an empty database; None when there is a user already."""
    if await chat.storage.read(lambda tx: tx.users.find(limit=1)):
        return None
    password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    owner = await chat.users.create(email=OWNER_EMAIL, display_name="Owner", password=password)
    await chat.workspaces.create(name="Default Workspace", slug=WORKSPACE_SLUG, owner=owner, general=True)
    return Owner(email=owner.email, password=password)
