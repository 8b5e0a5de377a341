"""The client without async."""

import pytest
import trio
from tests.chatcore.client.house import PASSWORD, House

from chatcore.client.blocking import connect
from chatcore.errors import InvalidCredentials, NotFound, ValidationFailed
from chatcore.events import MessageReceived


async def test_a_script(home: House) -> None:
    def script() -> list[str]:
        with connect(home.url, email="ben@example.org", password=PASSWORD) as chat:
            first = chat.send("general", "one")
            chat.edit(first, "1")
            chat.react(first, "👍")
            chat.send(home.general, "two", thread_id=first.id)
            with pytest.raises(ValidationFailed):
                chat.send("general", "")
            assert [message.content for message in chat.history("general")] == ["1"]
            assert chat.call(lambda: chat.client.users.me()).email == "ben@example.org"
            assert chat.state.workspace.slug == chat.workspace.slug == "team"
            heard = [each.message.content for each in chat.events(patience=0.3) if isinstance(each, MessageReceived)]
            assert heard == ["one", "two"]
            return heard

    assert await trio.to_thread.run_sync(script) == ["one", "two"]


async def test_what_does_not_work_is_raised_where_it_is_opened(home: House) -> None:
    def wrong_password() -> None:
        with pytest.raises(InvalidCredentials), connect(home.url, email="ben@example.org", password="no"):
            raise AssertionError("opened")

    def wrong_place() -> None:
        opened = connect(home.url, email="ben@example.org", password=PASSWORD, workspace="nowhere")
        with pytest.raises(NotFound, match="you are in: team"), opened:
            raise AssertionError("opened")

    await trio.to_thread.run_sync(wrong_password)
    await trio.to_thread.run_sync(wrong_place)
