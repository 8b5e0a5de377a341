"""The first start furnishes an empty database, the second does nothing."""

from chatcore import Chat
from chatcore.model import Role
from chatserver.bootstrap import bootstrap


async def test_an_empty_database_gets_an_owner_a_workspace_and_a_channel(chat: Chat) -> None:
    owner = await bootstrap(chat)
    assert owner is not None
    assert owner.password in owner.announcement()
    assert owner.password not in repr(owner)
    signed_in = await chat.sessions.sign_in(email=owner.email, password=owner.password)
    (summary,) = await chat.workspaces.list(actor=signed_in.user)
    assert (summary.workspace.slug, summary.role) == ("default", Role.OWNER)
    (channel,) = await chat.channels.list(summary.workspace, actor=signed_in.user)
    assert channel.channel.name == "general"


async def test_passwords_differ_and_the_second_start_makes_nothing(chat: Chat) -> None:
    first = await bootstrap(chat)
    assert first is not None
    assert len(first.password) >= 20
    assert await bootstrap(chat) is None
    assert len(await chat.workspaces.all()) == 1


async def test_whoever_was_made_by_command_is_left_alone(chat: Chat) -> None:
    await chat.users.create(email="ada@example.org", display_name="Ada")
    assert await bootstrap(chat) is None
    assert await chat.workspaces.all() == []
