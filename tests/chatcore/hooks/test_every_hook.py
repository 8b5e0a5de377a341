"""A plugin that implements every hook with every argument, and a story in a real chat that calls each of them."""

import ast
import inspect
import types
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from chatcore import open_chat
from chatcore.config import Config
from chatcore.errors import Forbidden
from chatcore.hooks import HookContext, Kind, hookimpl
from chatcore.hooks.markers import SpecOptions, spec_options
from chatcore.hooks.pinning import _fits, _hints
from chatcore.hooks.specs import SUBJECTS
from chatcore.model import PresenceStatus

SOURCE = Path(__file__).parents[3] / "src"

SPECS: dict[str, tuple[Callable[..., Any], SpecOptions]] = {
    name: (function, options)
    for subject in SUBJECTS
    for name, function in vars(subject).items()
    if (options := spec_options(function)) is not None
}
EDGE = {"connection_opened", "connection_closed", "rate_limited"}
"""Called by the server; the library alone never does."""


class Witness(types.ModuleType):
    """Notes every call, and what was wrong with its arguments."""

    def __init__(self) -> None:
        super().__init__("witness")
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.wrong: list[str] = []
        for name, (function, options) in SPECS.items():
            setattr(self, name, hookimpl(self._implementation(name, function, options)))

    def note(self, name: str, given: dict[str, Any]) -> None:
        self.calls.setdefault(name, []).append(given)
        function = SPECS[name][0]
        for argument, parameter in inspect.signature(function).parameters.items():
            if not fits(given[argument], parameter.annotation):
                self.wrong.append(f"{name}: {argument} is {given[argument]!r}, not {parameter.annotation}")

    def _implementation(self, name: str, function: Callable[..., Any], options: SpecOptions) -> Callable[..., Any]:
        if options.kind is Kind.AROUND or name == "plugin_lifespan":
            implementation: Callable[..., Any] = asynccontextmanager(self._wrapper(name))
        elif options.kind in (Kind.REGISTER, Kind.LIFE):
            implementation = self._plain(name)
        else:
            implementation = self._asynchronous(name)
        implementation.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return implementation

    def _wrapper(self, name: str) -> Callable[..., AsyncIterator[None]]:
        async def implementation(**given: Any) -> AsyncIterator[None]:
            self.note(name, given)
            yield

        return implementation

    def _plain(self, name: str) -> Callable[..., Any]:
        def implementation(**given: Any) -> Any:
            self.note(name, given)
            return {"ok": True} if name == "plugin_health" else []

        return implementation

    def _asynchronous(self, name: str) -> Callable[..., Any]:
        async def implementation(**given: Any) -> None:
            self.note(name, given)

        return implementation


def fits(value: Any, annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, HookContext):
        return isinstance(value, HookContext)
    if getattr(annotation, "__supertype__", None) is not None:
        return isinstance(value, annotation.__supertype__)
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return any(fits(value, each) for each in annotation.__args__)
    if annotation is None or annotation is type(None):
        return value is None
    if getattr(annotation, "__origin__", None) is tuple:
        return isinstance(value, tuple) and all(fits(each, annotation.__args__[0]) for each in value)
    return annotation is Any or isinstance(value, annotation)


async def tell_the_story(chat: Any) -> None:
    """Everything that a plugin can be told of, once."""
    ann = await chat.users.create(email="ann@example.org", display_name="Ann", password="correct horse battery")
    bob = await chat.users.register(email="bob@example.org", password="staple hammer", first_name="B", last_name="C")
    await chat.sessions.sign_in(email="ann@example.org", password="correct horse battery")
    team = await chat.workspaces.create(name="Team", slug="team", owner=ann)
    _, token = await chat.invites.create(team, actor=ann)
    await chat.invites.accept(token, actor=bob)

    channel = await chat.channels.create(team, name="plans", actor=ann)
    await chat.channels.update(channel, actor=ann, description="What comes next")
    await chat.channels.join(channel, actor=bob)
    first = await chat.messages.send(channel, author=ann, content="hello")
    await chat.messages.edit(first, actor=ann, content="hello all")
    await chat.messages.history(channel, actor=bob)
    await chat.reactions.add(first, "👍", actor=bob)
    await chat.reactions.remove(first, "👍", actor=bob)
    await chat.reads.mark(channel, first, actor=bob)
    await chat.messages.delete(first, actor=ann)

    started = await chat.huddles.start(channel, actor=ann, title="Stand-up")
    await chat.huddles.join(started.huddle, actor=bob)
    with suppress(Forbidden):  # it goes from peer to peer
        await chat.huddles.start_recording(started.huddle, actor=ann)
    await chat.huddles.leave(started.huddle, actor=bob)
    await chat.huddles.leave(started.huddle, actor=ann)

    await chat.presence.connect(bob, "c1")
    await chat.presence.update(bob, "c1", PresenceStatus.AWAY)
    await chat.audit.record("backup.made", actor=ann, workspace=team)
    await chat.channels.leave(channel, actor=bob)
    await chat.channels.archive(channel, actor=ann)
    await chat.users.deactivate(bob)


@pytest.fixture(scope="module")
def story() -> Witness:
    """The witness of the story, told once for all tests here."""
    witness = Witness()

    async def main() -> None:
        async with open_chat("memory:", config=Config(bcrypt_rounds=4), plugins=[witness]) as chat:
            await tell_the_story(chat)
            await chat.health()
            # What a server and the command line ask for.
            chat.hooks.routes(), chat.hooks.metrics(), chat.hooks.cli()
            await trio.testing.wait_all_tasks_blocked()

    trio.run(main)
    return witness


@pytest.mark.parametrize("name", sorted(set(SPECS) - EDGE))
def test_the_library_calls(name: str, story: Witness) -> None:
    assert name in story.calls


def test_every_argument_is_what_the_specification_says(story: Witness) -> None:
    assert story.wrong == []


def test_what_can_be_changed_exists() -> None:
    for name, (function, options) in SPECS.items():
        arguments = inspect.signature(function).parameters
        assert next(iter(arguments)) == "ctx", name
        if options.value is None:
            assert options.changes == (), name
            continue
        annotation = arguments[options.value].annotation
        cls = annotation.__args__[0] if getattr(annotation, "__origin__", None) is tuple else annotation
        for field in options.changes:
            assert field in {each.name for each in attrs.fields(cls)}, name


def test_a_filter_may_return_what_it_was_given_in_every_field_that_it_may_change(story: Witness) -> None:
    """The check of a returned field's type knows every type of field that a specification lets change."""
    for name, (_, options) in SPECS.items():
        for given in story.calls.get(name, []):
            value = given[options.value] if options.value else ()
            for each in value if isinstance(value, tuple) else (value,):
                for field in options.changes:
                    assert _fits(getattr(each, field), _hints(type(each))[field]), f"{name}: {field}"


# --- the calls in the source -----------------------------------------------------------------------------------------

Calls = list[tuple[str, str, set[str]]]
KINDS = {"filter": {Kind.FILTER}, "did": {Kind.OBSERVER}, "around": {Kind.AROUND}}


@pytest.fixture(scope="module")
def calls_in_source() -> Calls:
    """Place, name and arguments of every call of a hook in the library and the server."""
    return list(_calls_in_source())


def _calls_in_source() -> Iterator[tuple[str, str, set[str]]]:
    for path in sorted(SOURCE.rglob("*.py")):
        if "chatcore/hooks" in path.as_posix():
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS):
                continue
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                name = node.args[0].value
                where = f"{path.relative_to(SOURCE)}:{node.lineno}"
                assert name in SPECS, f"{where}: there is no hook {name!r}"
                assert SPECS[name][1].kind in KINDS[node.func.attr], f"{where}: {name} is called as another kind"
                assert len(node.args) == 1, f"{where}: arguments of {name} are passed by name"
                yield where, name, {str(keyword.arg) for keyword in node.keywords}


def test_every_call_passes_exactly_the_arguments_of_its_hook(calls_in_source: Calls) -> None:
    for where, name, given in calls_in_source:
        function, options = SPECS[name]
        expected = set(inspect.signature(function).parameters) - {"ctx"}
        if options.value is not None:
            expected = (expected - {options.value}) | {"value"}
        assert given == expected, f"{where}: {name}"


def test_the_server_calls_the_hooks_of_the_edge(calls_in_source: Calls) -> None:
    called = {name for where, name, _ in calls_in_source if where.startswith("chatserver")}
    assert called >= EDGE


async def test_plugins_do_not_change_a_configuration_that_they_leave_alone() -> None:
    witness = Witness()
    async with open_chat("memory:", plugins=[witness]) as chat:
        assert chat.config == Config(database_url="memory:")
        assert witness.calls["plugin_lifespan"][0]["chat"] is chat
