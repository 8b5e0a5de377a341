"""The client without async, for scripts and notebooks: Trio runs in a thread of its own.

    with connect("https://chat.example.org", token="cct_…") as chat:
        chat.send("general", "The build is green.")
        for message in chat.history("general"):
            print(message.user.display_name, message.content)

For what is not here, `chat.call` runs any coroutine function of `chatcore.client` with the client or the workspace.
"""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, TypeVar

import trio

from chatcore.client.client import Client, open_client
from chatcore.client.workspace import ChannelRef, MessageRef, Workspace
from chatcore.events import Event
from chatcore.ids import MessageId
from chatcore.model import Message
from chatcore.state import State

T = TypeVar("T")


class BlockingChat:
    """A workspace on a server. Made by `connect`; to be used by one thread at a time."""

    def __init__(self, url: str, workspace: str | None, sign_in: dict[str, Any]) -> None:
        self._url = url
        self._slug = workspace
        self._sign_in = sign_in
        self._open = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="chatcore-client", daemon=True)
        self._token: trio.lowlevel.TrioToken
        self._stop: trio.Event
        self._client: Client
        self._workspace: Workspace

    # --- what one can do ---------------------------------------------------------------------------------------------

    def send(self, channel: ChannelRef, content: str, *, thread_id: MessageId | None = None) -> Message:
        """Send a message; when this returns, it is durable, and was sent once. Raises ChatError."""
        return self.call(lambda: self._workspace.send(channel, content, thread_id=thread_id))

    def edit(self, message: MessageRef, content: str) -> Message:
        """Change the text of one's own message. Raises ChatError."""
        return self.call(lambda: self._workspace.edit(message, content))

    def react(self, message: MessageRef, emoji: str) -> None:
        """React to a message. Raises ChatError."""
        self.call(lambda: self._workspace.react(message, emoji))

    def history(self, channel: ChannelRef, *, limit: int = 50) -> tuple[Message, ...]:
        """The newest messages of a channel, oldest first. `limit` is 1 to 100. Raises ChatError."""

        async def read() -> tuple[Message, ...]:
            channel_id = await self._workspace.channel_id(channel)
            return (await self._client.messages.history(channel_id, limit=limit)).messages[::-1]

        return self.call(read)

    def events(self, *, patience: float | None = None) -> Iterator[Event]:
        """Every event from the opening on, as they come; ends after `patience` seconds without one (None: never)."""

        async def next_event() -> Event | None:
            with trio.move_on_after(float("inf") if patience is None else patience):
                try:
                    return await self._workspace.next_event()
                except StopAsyncIteration:
                    return None
            return None

        while (event := self.call(next_event)) is not None:
            yield event

    @property
    def state(self) -> State:
        """The workspace as of the last event that `events` gave."""
        return self._workspace.state

    @property
    def client(self) -> Client:
        """The client, to be used through `call`: `chat.call(lambda: chat.client.invites.create("team"))`."""
        return self._client

    @property
    def workspace(self) -> Workspace:
        """The workspace, to be used through `call`."""
        return self._workspace

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run an async function where the client lives, and give what it returns. Raises what it raises."""
        return trio.from_thread.run(function, trio_token=self._token)

    # --- opening and closing -----------------------------------------------------------------------------------------

    def __enter__(self) -> "BlockingChat":
        self._thread.start()
        self._open.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call(self._close)
        self._thread.join()

    async def _close(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        try:
            trio.run(self._live)
        except BaseException as failure:
            self._failure = failure
        finally:
            self._open.set()

    async def _live(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with AsyncExitStack() as stack:
            self._client = await stack.enter_async_context(open_client(self._url, **self._sign_in))
            self._workspace = await stack.enter_async_context(self._client.workspace(self._slug))
            self._open.set()
            await self._stop.wait()


def connect(
    url: str,
    *,
    token: str | None = None,
    email: str | None = None,
    password: str | None = None,
    workspace: str | None = None,
) -> BlockingChat:
    """A workspace, for `with connect(...) as chat:`. Signs in by `token`, or by `email` and `password`.

    workspace: its slug; None: the only one that one is in. `with` raises ChatError: InvalidCredentials, Unreachable.
    """
    return BlockingChat(url, workspace, {"token": token, "email": email, "password": password})
