"""Writes docs/reference/scopes.md from what routes, frames and events need; a test says when it is old."""

from collections.abc import Iterator
from pathlib import Path

from chatcore.events import EVENT_CLASSES
from chatcore.model import TokenScope
from chatserver.gateway.frames import FRAMES
from chatserver.rest import ROUTES
from chatserver.route import Auth

HERE = Path(__file__).parent
PAGE = HERE / "reference" / "scopes.md"


def page() -> str:
    """The whole page."""
    return "\n".join([(HERE / "parts" / "scopes.md").read_text("utf-8"), *_table(), "", *_sections(), *_free()])


def _table() -> Iterator[str]:
    yield "| scope | opens |\n|---|---|"
    for scope in TokenScope:
        yield f"| `{scope}` | {scope.about} |"


def _sections() -> Iterator[str]:
    for scope in TokenScope:
        routes = [f"{route.method} {route.path}" for route in ROUTES if scope in route.needs]
        frames = [type_ for type_, frame in FRAMES.items() if scope in frame.needs]
        events = [event.type for event in EVENT_CLASSES if event.needs is scope]
        yield f"## `{scope}`\n"
        yield f"To {scope.about}.\n"
        yield from _list("Endpoints", routes)
        yield from _list("Frames", frames)
        yield from _list("Events", events)
    yield "`member_joined` and `member_left` of a channel go with `channels:read`, as the channel does.\n"


def _free() -> Iterator[str]:
    yield "## Any token\n"
    free = [route for route in ROUTES if route.auth is Auth.SIGNED_IN and not route.needs]
    yield from _list("Endpoints", [f"{route.method} {route.path}" for route in free])
    yield from _list("Frames", [type_ for type_, frame in FRAMES.items() if not frame.needs])
    yield from _list("Events", [event.type for event in EVENT_CLASSES if event.needs is None])


def _list(title: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"{title}: {', '.join(f'`{name}`' for name in names)}.\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
