"""What waits for its reply, on this connection or the next."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
import trio
import trio.testing

from chatcore.client.outbox import MAX_URGENT, WINDOW, Outbox
from chatcore.errors import ChatError, RateLimited, Unavailable


def reply(text: str, **more: object) -> dict[str, object]:
    return {"type": "reply", "id": orjson.loads(text)["id"], "ok": True, **more}


async def test_a_reply_finds_who_asked(nursery: trio.Nursery) -> None:
    outbox, found = Outbox(), list[object]()

    async def ask(number: int) -> None:
        found.append(await outbox.ask("x", {"number": number}, again=True))

    for number in range(2):
        nursery.start_soon(ask, number)
        await trio.testing.wait_all_tasks_blocked()
    first, second = await outbox.next(), await outbox.next()
    outbox.answered(reply(second, data={"which": "second"}))
    await trio.testing.wait_all_tasks_blocked()
    outbox.answered(reply(first, data={"which": "first"}))
    await trio.testing.wait_all_tasks_blocked()
    assert found == [{"which": "second"}, {"which": "first"}]


async def test_what_has_no_reply_goes_first_on_the_next_connection(nursery: trio.Nursery) -> None:
    outbox = Outbox()
    for number in range(3):
        nursery.start_soon(lambda number=number: outbox.ask("x", {"number": number}, again=True))  # type: ignore[misc]
        await trio.testing.wait_all_tasks_blocked()
    first, second = await outbox.next(), await outbox.next()
    outbox.reopen()
    again = [await outbox.next() for _ in range(3)]
    assert again[:2] == [first, second]
    assert orjson.loads(again[2])["data"] == {"number": 2}
    nursery.cancel_scope.cancel()


async def test_what_cannot_be_repeated_says_so() -> None:
    outbox = Outbox()
    async with asking(outbox, again=False) as failures:
        await outbox.next()
        outbox.reopen()
    assert [type(failure) for failure in failures] == [Unavailable]
    assert "whether it was done is not known" in failures[0].message


async def test_a_refusal_is_an_error_of_the_core() -> None:
    outbox = Outbox()
    refused = {"code": "RATE_LIMIT_EXCEEDED", "message": "slowly", "details": {"retryAfter": 7}}
    async with asking(outbox) as failures:
        outbox.answered(reply(await outbox.next()) | {"ok": False, "error": refused})
    (failure,) = failures
    assert isinstance(failure, RateLimited)
    assert (failure.message, failure.retry_after) == ("slowly", 7)


async def test_the_window_holds_until_replies_come(nursery: trio.Nursery) -> None:
    outbox = Outbox()
    for _ in range(WINDOW + 1):
        nursery.start_soon(lambda: outbox.ask("x", {}, again=True))
    await trio.testing.wait_all_tasks_blocked()
    sent = [await outbox.next() for _ in range(WINDOW)]
    with trio.move_on_after(0.05) as scope:
        await outbox.next()
    assert scope.cancelled_caught
    outbox.urge("now")
    assert await outbox.next() == "now"
    outbox.answered(reply(sent[0]))
    with trio.fail_after(1):
        await outbox.next()
    nursery.cancel_scope.cancel()


async def test_whoever_gives_up_leaves_nothing_behind() -> None:
    outbox = Outbox()
    for sent in (False, True):
        with trio.move_on_after(0.02):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: outbox.ask("x", {}, again=True))
                if sent:
                    await outbox.next()
                await trio.sleep_forever()
    outbox.reopen()
    with trio.move_on_after(0.05) as scope:
        await outbox.next()
    assert scope.cancelled_caught


async def test_what_is_not_worth_a_retry_is_bounded() -> None:
    outbox = Outbox()
    for number in range(MAX_URGENT + 5):
        outbox.urge(str(number))
    outbox.reopen()
    with trio.move_on_after(0.05) as scope:
        await outbox.next()
    assert scope.cancelled_caught


async def test_a_failure_is_everybodys() -> None:
    outbox = Outbox()
    async with asking(outbox) as failures:
        outbox.fail(ChatError("over"))
    assert [failure.message for failure in failures] == ["over"]
    with pytest.raises(ChatError, match="over"):
        await outbox.ask("x", {}, again=True)


@asynccontextmanager
async def asking(outbox: Outbox, *, again: bool = True) -> AsyncIterator[list[ChatError]]:
    """Somebody asks while this is open; leaving it waits for the answer. Gives what went wrong."""
    failures: list[ChatError] = []

    async def ask() -> None:
        try:
            await outbox.ask("x", {}, again=again)
        except ChatError as failure:
            failures.append(failure)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        yield failures
