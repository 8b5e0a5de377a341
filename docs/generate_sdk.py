"""Writes docs/reference/sdk.md from the client and the bots; a test says when it is old."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatcore.bot import Bot, Context, Shelf
from chatcore.client import Client, Workspace, open_client
from chatcore.client.api import Api
from chatcore.client.blocking import BlockingChat, connect
from chatcore.testing.bots import BotTester, Stage

HERE = Path(__file__).parent
PAGE = HERE / "reference" / "sdk.md"

# What the link tells the workspace, and what opens it: no business of those who use it.
INSIDE = {"run", "start", "opened", "joined", "heard", "waiting", "next_event", "next_frame"}


def page() -> str:
    """The whole page."""
    lines = [(HERE / "parts" / "sdk.md").read_text("utf-8"), "## Signing in", *_function("open_client", open_client)]
    lines += ["## `Client`", "", _doc(Client), "", *_members("client", Client, ("me", "request", "workspace"))]
    for noun, part in vars(Client(Api(None, None))).items():  # type: ignore[arg-type]  # nothing is called
        if type(part).__module__.startswith("chatcore.client.rest."):
            lines += [f"## `client.{noun}`", "", *_members(f"client.{noun}", type(part))]
    for title, cls in (("ws", Workspace), ("bot", Bot), ("ctx", Context), ("ctx.shelf", Shelf)):
        lines += [f"## `{cls.__name__}`", "", _doc(cls), "", *_members(title, cls)]
    lines += ["## Without async", *_function("connect", connect), *_members("chat", BlockingChat)]
    lines += ["## Trying a bot", "", *_members("tester", BotTester), *_members("stage", Stage)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _members(title: str, cls: type[Any], only: tuple[str, ...] = ()) -> Iterator[str]:
    for name, member in vars(cls).items():
        if name.startswith("_") or name in INSIDE or (only and name not in only):
            continue
        if isinstance(member, property):
            yield from (f"### `{title}.{name}`", "", _doc(member), "")
        elif inspect.isfunction(member):
            yield from _function(f"{title}.{name}", member)


def _function(name: str, function: Any) -> Iterator[str]:
    signature = inspect.signature(function)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    given = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    shown = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", str(given)).replace("'", "")
    way = "async " if inspect.iscoroutinefunction(function) else ""
    yield from ("", f"### `{way}{name}{shown}`", "", _doc(function), "")


def _doc(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
