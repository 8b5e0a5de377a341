"""What a transaction did, for the observers: they are told of it all once it is durable, and of nothing if it fails."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from chatcore.hooks import Hooks
from chatcore.model import AuditEntry
from chatcore.ports import Storage, Tx

T = TypeVar("T")


class Facts:
    """Filled inside a transaction, by every step of it, however deep."""

    def __init__(self) -> None:
        self._noted: list[tuple[str, dict[str, Any]]] = []

    def did(self, hook: str, **context: Any) -> None:
        """Note a fact for the observers of a hook."""
        self._noted.append((hook, context))

    async def record(self, tx: Tx, entry: AuditEntry) -> None:
        """Put an entry into the audit log, and note it."""
        await tx.audit.insert(entry)
        self.did("audit", entry=entry)

    def tell(self, hooks: Hooks) -> None:
        """Tell the observers, in the order in which it happened."""
        for hook, context in self._noted:
            hooks.did(hook, **context)


Change = Callable[[Tx, Facts], Awaitable[T]]


async def write(storage: Storage, hooks: Hooks, change: Change[T]) -> T:
    """Make a change durable, then tell the observers what it did. Raises what `change` raises, Unavailable."""
    last = Facts()

    async def work(tx: Tx) -> T:
        nonlocal last
        # The storage may run this again: only the facts of the run that was committed count.
        last = Facts()
        return await change(tx, last)

    result = await storage.write(work)
    last.tell(hooks)
    return result
