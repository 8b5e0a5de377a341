"""What operators do with webhooks: `chatcore plugins run chat_webhooks_out list|dead|retry`."""

from collections.abc import Sequence
from typing import Any

from chat_webhooks_out.book import Book
from chatcore.errors import NotFound
from chatcore.hooks import CliCommand, CliOption

_HOOK = CliOption(name="hook_id", about="The webhook's id.", positional=True)


def commands() -> Sequence[CliCommand]:
    return (
        CliCommand(
            name="list",
            about="All webhooks, with what waits and what was given up.",
            run=_list,
            columns=("id", "url", "due", "dead", "problem", "broken"),
        ),
        CliCommand(
            name="dead",
            about="The deliveries of a webhook that were given up.",
            run=_dead,
            options=(_HOOK,),
            columns=("seq", "type", "attempts", "error"),
        ),
        CliCommand(name="retry", about="Try once more what was given up.", run=_retry, options=(_HOOK,)),
    )


async def _list(chat: Any) -> list[dict[str, Any]]:
    book = Book(chat.storage)
    return [
        {
            "id": each.id,
            "url": each.url,
            "due": len(await book.due(each.id, limit=1000)),
            "dead": len(await book.dead(each.id, limit=1000)),
            "problem": await book.problem(each.id),
            "broken": each.broken,
        }
        for each in await book.webhooks()
    ]


async def _dead(chat: Any, hook_id: str) -> list[dict[str, Any]]:
    book = Book(chat.storage)
    await _check(book, hook_id)
    return [
        {"seq": each.seq, "type": each.type, "attempts": each.attempts, "error": each.error}
        for each in await book.dead(hook_id, limit=1000)
    ]


async def _retry(chat: Any, hook_id: str) -> str:
    book = Book(chat.storage)
    await _check(book, hook_id)
    return f"{await book.retry(hook_id, chat.clock.now().timestamp())} deliveries are tried again"


async def _check(book: Book, hook_id: str) -> None:
    if await book.webhook(hook_id) is None:
        raise NotFound.of("webhook")
