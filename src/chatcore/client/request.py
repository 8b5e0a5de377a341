"""A frame that waits for its reply."""

from typing import Any

import attrs
import orjson
import trio

from chatcore.client.faults import fault
from chatcore.errors import ChatError


@attrs.define(eq=False)
class Request:
    """`again`: whether it may be sent on the next connection, should this one break before the reply."""

    id: str
    text: str
    again: bool
    sent: bool = False
    data: dict[str, Any] | None = None
    failure: ChatError | None = None
    done: trio.Event = attrs.field(factory=trio.Event)

    @classmethod
    def of(cls, id_: str, type_: str, data: dict[str, Any], again: bool) -> "Request":
        return cls(id_, orjson.dumps({"type": type_, "id": id_, "data": data}).decode(), again)

    def answered(self, frame: dict[str, Any]) -> None:
        """Its reply came."""
        if frame.get("ok") is True:
            self.data = frame.get("data") or {}
        else:
            error = frame.get("error")
            self.failure = fault(400, error if isinstance(error, dict) else {})
        self.done.set()

    def failed(self, failure: ChatError) -> None:
        """No reply will come."""
        self.failure = failure
        self.done.set()
