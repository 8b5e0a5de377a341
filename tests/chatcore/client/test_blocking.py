"""The client without async."""

import sys

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


async def test_outside_of_with_it_says_so_and_it_may_be_opened_again(home: House) -> None:
    def script() -> None:
        chat = connect(home.url, email="ben@example.org", password=PASSWORD)
        for use in (lambda: chat.send("general", "x"), lambda: chat.state, lambda: list(chat.events(patience=0))):
            with pytest.raises(RuntimeError, match="use it inside of `with connect"):
                use()
        for text in ("one", "two"):
            with chat:
                chat.send("general", text)
                with pytest.raises(RuntimeError, match="open already"), chat:
                    raise AssertionError("opened twice")
        with pytest.raises(RuntimeError, match="this chat is closed"):
            chat.send("general", "x")

    await trio.to_thread.run_sync(script)
    page = await home.chat.messages.history(home.general, actor=home.ada)
    assert [message.content for message in page.messages] == ["two", "one"]


@pytest.mark.parametrize(
    "sign_in",
    [{"email": "ben@example.org"}, {"password": PASSWORD}, {"token": ""}, {"token": "cct_\u00fc"}, {"token": "a b"}],
)
async def test_half_a_sign_in_is_refused(sign_in: dict[str, str]) -> None:
    def script() -> None:
        with pytest.raises(ValidationFailed) as told, connect("http://127.0.0.1:1", **sign_in):  # type: ignore[arg-type]
            raise AssertionError("opened")
        assert (sign_in.get("token") or "nothing") not in told.value.message

    await trio.to_thread.run_sync(script)


INTERRUPTED = """
import os, signal, sys, threading
from chatcore.client.blocking import connect

signal.signal(signal.SIGINT, signal.default_int_handler)
with connect(sys.argv[1], token=sys.argv[2]) as chat:
    for _ in range(2):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            for event in chat.events():
                print(event.type)
        except KeyboardInterrupt:
            print("interrupted")
    chat.send("general", "still there")
    print(next(chat.events()).message.content)
"""


async def test_an_interrupted_cell_leaves_the_chat_open(home: House) -> None:
    command = [sys.executable, "-c", INTERRUPTED, home.url, await home.token(home.ben)]
    with trio.fail_after(30):
        done = await trio.run_process(command, capture_stdout=True)
    assert done.stdout.decode().splitlines() == ["interrupted", "interrupted", "still there"]
