"""A command: a function whose parameters are what somebody types behind its name.

async def roll(ctx, sides: int = 6)                 !roll 20
async def say(ctx, channel: Channel, *, text: str)  !say #general everything that follows
async def poll(ctx, question: str, *options: str)   !poll "Lunch?" pizza "green salad"
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, get_type_hints

import attrs

from chatcore.bot.context import Context
from chatcore.bot.converters import Converter, choices_of, converter_for
from chatcore.bot.errors import BadArgument
from chatcore.bot.words import Words
from chatcore.model import Role
from chatcore.state import State

Handler = Callable[Concatenate[Context, ...], Awaitable[None]]


@attrs.frozen(kw_only=True)
class Argument:
    """One parameter. `kind` is that of `inspect`: one word, every further word, or (keyword-only) the rest as it is."""

    name: str
    annotation: Any
    convert: Converter
    kind: Any
    default: Any

    @property
    def needed(self) -> bool:
        return self.default is inspect.Parameter.empty and self.kind is not inspect.Parameter.VAR_POSITIONAL

    @property
    def usage(self) -> str:
        """As help shows it: `<needed>`, `[left out]`, `[this=that]`."""
        choices = choices_of(self.annotation)
        shown = "|".join(choices) if choices else self.name
        if self.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            shown += "..."
        if self.needed:
            return f"<{shown}>"
        default = (
            ""
            if self.default in (None, "", inspect.Parameter.empty)
            else f"={getattr(self.default, 'value', self.default)}"
        )
        return f"[{shown}{default}]"


@attrs.frozen(kw_only=True)
class Command:
    """`role`: the least powerful one that may use it; None: everybody. `bots`: whether it listens to other bots."""

    name: str
    aliases: tuple[str, ...]
    handler: Callable[..., Awaitable[object]]
    arguments: tuple[Argument, ...]
    role: Role | None
    bots: bool
    hidden: bool
    doc: str

    @property
    def usage(self) -> str:
        """`roll [sides=6]`."""
        return " ".join([self.name, *(argument.usage for argument in self.arguments)])

    @property
    def summary(self) -> str:
        """The first line of its description."""
        return self.doc.partition("\n")[0]

    def parse(self, text: str, state: State) -> tuple[list[Any], dict[str, Any]]:
        """The arguments for a call, from what follows the command's name. Raises BadArgument."""
        words = Words(text)
        given: list[Any] = []
        named: dict[str, Any] = {}
        for argument in self.arguments:
            if argument.kind is inspect.Parameter.VAR_POSITIONAL:
                while words.left:
                    given.append(_convert(argument, words.next(), state))
            elif not words.left:
                if argument.needed:
                    raise BadArgument(f"`{argument.name}` is missing")
                if argument.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                    given.append(argument.default)
            elif argument.kind is inspect.Parameter.KEYWORD_ONLY:
                named[argument.name] = _convert(argument, words.rest(), state)
            else:
                given.append(_convert(argument, words.next(), state))
        if words.left:
            raise BadArgument(f"“{words.rest()}” is too much")
        return given, named


def _convert(argument: Argument, word: str, state: State) -> Any:
    try:
        return argument.convert(word, state)
    except BadArgument as problem:
        raise BadArgument(f"`{argument.name}` {problem.text}, not “{word}”") from None


def command_of(
    handler: Handler, *, name: str | None, aliases: tuple[str, ...], role: Role | None, bots: bool, hidden: bool
) -> Command:
    """Raises TypeError for a function that cannot be a command."""
    check_async(handler)
    return Command(
        name=(name or name_of(handler)).lower(),
        aliases=tuple(alias.lower() for alias in aliases),
        handler=handler,
        arguments=_arguments(handler),
        role=role,
        bots=bots,
        hidden=hidden,
        doc=inspect.getdoc(handler) or "",
    )


def check_async(handler: Handler) -> None:
    """Raises TypeError for what is no `async def` function that takes `ctx` first."""
    name = name_of(handler)
    if not inspect.iscoroutinefunction(handler):
        raise TypeError(f"{name} must be an async function: async def {name}(ctx, …)")
    first = next(iter(inspect.signature(handler).parameters.values()), None)
    if first is None or first.default is not inspect.Parameter.empty:
        raise TypeError(f"{name} must take ctx first: async def {name}(ctx, …)")
    if first.name == "self":
        raise TypeError(f"{name} is a method, which needs its object: register a function, or the method of an object")


def name_of(handler: Callable[..., Any]) -> str:
    """What a function is called."""
    return str(getattr(handler, "__name__", "handler"))


def _arguments(handler: Handler) -> tuple[Argument, ...]:
    where = f"command {name_of(handler)}"
    try:
        hints = get_type_hints(handler, include_extras=True)
    except NameError as error:
        raise TypeError(f"{where}: an annotation names what is not there: {error}") from error
    first, *parameters = inspect.signature(handler).parameters.values()
    if _can_be_typed(hints.get(first.name)):
        raise TypeError(f"{where} must take ctx first: async def {name_of(handler)}(ctx, {first.name}, …)")
    found = [_argument(where, parameter, hints.get(parameter.name)) for parameter in parameters]
    if sum(argument.kind is inspect.Parameter.KEYWORD_ONLY for argument in found) > 1:
        raise TypeError(f"{where}: only one parameter can take the rest of the line (behind *)")
    optional = False
    for argument in found:
        if argument.needed and optional:
            raise TypeError(f"{where}: {argument.name} is needed, and stands behind one that is not")
        optional = optional or not argument.needed
    return tuple(found)


def _can_be_typed(annotation: Any) -> bool:
    """Whether this is the annotation of something that people type."""
    try:
        converter_for(annotation)
    except TypeError:
        return False
    return True


def _argument(where: str, parameter: inspect.Parameter, annotation: Any) -> Argument:
    if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_KEYWORD):
        raise TypeError(f"{where}, {parameter.name}: a command has plain parameters, *more, or one behind *")
    if annotation is None:
        untold = parameter.default in (None, inspect.Parameter.empty)
        annotation = str if untold else type(parameter.default)
    try:
        convert = converter_for(annotation)
    except TypeError as error:
        raise TypeError(f"{where}, {parameter.name}: {error}") from None
    return Argument(
        name=parameter.name,
        annotation=annotation,
        convert=convert,
        kind=parameter.kind,
        default=parameter.default,
    )
