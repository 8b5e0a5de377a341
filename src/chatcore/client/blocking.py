"""The client without async, for scripts and notebooks: Trio runs in a thread of its own.

    with connect("https://chat.example.org", token="cct_…") as chat:
        chat.send("general", "The build is green.")
        for message in chat.history("general"):
            print(message.user.display_name, message.content)

For what is not here, `chat.call` runs any coroutine function of `chatcore.client` with the client or the workspace.
"""

import threading
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import attrs
import trio

from chatcore.client.client import Client, open_client
from chatcore.client.workspace import ChannelRef, MessageRef, Workspace
from chatcore.events import Event
from chatcore.ids import MessageId
from chatcore.model import Message
from chatcore.state import State

T = TypeVar("T")
_CLOSED = "this chat is closed: use it inside of `with connect(...) as chat:`"


@attrs.define(eq=False)
class _Opened:
    """What lives in the thread of Trio while a chat is open."""

    trio_token: trio.lowlevel.TrioToken
    client: Client
    workspace: Workspace
    stop: trio.Event = attrs.field(factory=trio.Event)


class BlockingChat:
    """A workspace on a server. Made by `connect`; open inside of `with`, which may be entered again.

    Threads may share it, all but `events`, which are one thread's. Outside of `with` everything raises RuntimeError.
    """

    def __init__(self, url: str, workspace: str | None, sign_in: dict[str, Any]) -> None:
        self._url = url
        self._slug = workspace
        self._sign_in = sign_in
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._opened: _Opened | None = None

    # --- what one can do ---------------------------------------------------------------------------------------------

    def send(self, channel: ChannelRef, content: str, *, thread_id: MessageId | None = None) -> Message:
        """Send a message; when this returns, it is durable, and was sent once. Raises ChatError."""
        return self.call(lambda: self.workspace.send(channel, content, thread_id=thread_id))

    def edit(self, message: MessageRef, content: str) -> Message:
        """Change the text of one's own message. Raises ChatError."""
        return self.call(lambda: self.workspace.edit(message, content))

    def react(self, message: MessageRef, emoji: str) -> None:
        """React to a message. Raises ChatError."""
        self.call(lambda: self.workspace.react(message, emoji))

    def history(self, channel: ChannelRef, *, limit: int = 50) -> tuple[Message, ...]:
        """The newest messages of a channel, oldest first. `limit` is 1 to 100. Raises ChatError."""

        async def read() -> tuple[Message, ...]:
            channel_id = await self.workspace.channel_id(channel)
            return (await self.client.messages.history(channel_id, limit=limit)).messages[::-1]

        return self.call(read)

    def events(self, *, patience: float | None = None) -> Iterator[Event]:
        """Every event from the opening on, as they come; ends after `patience` seconds without one (None: never)."""

        async def next_event() -> Event | None:
            with trio.move_on_after(float("inf") if patience is None else patience):
                try:
                    return await self.workspace.next_event()
                except StopAsyncIteration:
                    return None
            return None

        while (event := self.call(next_event)) is not None:
            yield event

    @property
    def state(self) -> State:
        """The workspace as of the last event that `events` gave."""
        return self.workspace.state

    @property
    def client(self) -> Client:
        """The client, to be used through `call`: `chat.call(lambda: chat.client.invites.create("team"))`."""
        return self._now().client

    @property
    def workspace(self) -> Workspace:
        """The workspace, to be used through `call`."""
        return self._now().workspace

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run an async function where the client lives, and give what it returns. Raises what it raises.

        Ctrl-C (in a notebook: interrupting the cell) cancels it; the chat stays open.
        """
        scope, token = trio.CancelScope(), self._now().trio_token

        async def cancellable() -> T:
            with scope:
                return await function()
            raise RuntimeError("cancelled by whoever called")  # which nobody hears any more

        try:
            return trio.from_thread.run(cancellable, trio_token=token)
        except KeyboardInterrupt:
            token.run_sync_soon(scope.cancel)
            raise
        except trio.RunFinishedError:
            raise self._failure or RuntimeError(_CLOSED) from None

    def _now(self) -> _Opened:
        if self._opened is None:
            raise RuntimeError(_CLOSED)
        return self._opened

    # --- opening and closing -----------------------------------------------------------------------------------------

    def __enter__(self) -> "BlockingChat":
        if self._thread is not None:
            raise RuntimeError("this chat is open already")
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="chatcore-client", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._opened is None:
            self._thread = None
            assert self._failure is not None
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened, thread = self._now(), self._thread
        assert thread is not None
        try:
            opened.trio_token.run_sync_soon(opened.stop.set)
        except trio.RunFinishedError:
            pass  # it ended by itself, and told whoever called
        thread.join()
        self._opened = self._thread = None

    def _run(self) -> None:
        try:
            trio.run(self._live)
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()

    async def _live(self) -> None:
        async with (
            open_client(self._url, **self._sign_in) as client,
            client.workspace(self._slug) as workspace,
        ):
            self._opened = opened = _Opened(trio.lowlevel.current_trio_token(), client, workspace)
            self._ready.set()
            await opened.stop.wait()


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
