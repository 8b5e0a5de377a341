"""From what somebody typed to the value that a command takes, by the annotation of its parameter.

A converter is a function of the word and of the place where it was said; it raises BadArgument with what would fit.
"""

import re
import types
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from chatcore.bot.durations import parse_duration
from chatcore.bot.errors import BadArgument
from chatcore.ids import UserId, is_id
from chatcore.model import Channel, MemberCard
from chatcore.state import State

Converter = Callable[[str, State], Any]

_MENTION = re.compile(r"<@([0-9a-f-]{36})>\Z")
_YES = frozenset({"yes", "y", "true", "on", "1"})
_NO = frozenset({"no", "n", "false", "off", "0"})


def converter_for(annotation: Any) -> Converter:
    """Raises TypeError for an annotation that nothing can be converted to."""
    if get_origin(annotation) is Annotated:
        kind, *notes = get_args(annotation)
        own = [note for note in notes if callable(note)]
        return _by(own[0]) if own else converter_for(kind)
    if get_origin(annotation) in (Union, types.UnionType):
        return _first_of([each for each in get_args(annotation) if each is not type(None)])
    if get_origin(annotation) is Literal:
        return _choice({str(value): value for value in get_args(annotation)})
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        # By value, as people see it (`red`), or by name.
        names = {member.name.lower(): member for member in annotation}
        return _choice({str(member.value): member for member in annotation}, names)
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    known = ", ".join(each.__name__ for each in _SIMPLE)
    name = annotation.__name__ if isinstance(annotation, type) else repr(annotation)
    raise TypeError(f"a command cannot take {name}: it takes {known}, an Enum, a Literal, Annotated[…, function]")


def choices_of(annotation: Any) -> tuple[str, ...]:
    """What somebody may type, where that is a short list."""
    if get_origin(annotation) is Literal:
        return tuple(str(value) for value in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    return ()


def _text(word: str, state: State) -> str:
    return word


def _whole(word: str, state: State) -> int:
    # As people write it: int() takes underscores, spaces and digits of other scripts too.
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", word):
        raise BadArgument("must be a whole number")
    return int(word)


def _number(word: str, state: State) -> float:
    if not re.fullmatch(r"[+-]?([0-9]{1,30}([.,][0-9]{0,30})?|[.,][0-9]{1,30})", word):
        raise BadArgument("must be a number")
    return float(word.replace(",", "."))


def _yes_or_no(word: str, state: State) -> bool:
    if word.lower() in _YES:
        return True
    if word.lower() in _NO:
        return False
    raise BadArgument("must be yes or no")


def _duration(word: str, state: State) -> timedelta:
    try:
        return parse_duration(word)
    except ValueError as error:
        raise BadArgument(str(error)) from None


def _member(word: str, state: State) -> MemberCard:
    """`<@id>`, as clients write a mention; an id; or a display name, with or without `@`."""
    mention = _MENTION.match(word)
    id_ = mention[1] if mention else word
    if is_id(id_) and UserId(id_) in state.members:
        return state.members[UserId(id_)]
    name = word.removeprefix("@").casefold()
    found = [card for card in state.members.values() if card.display_name.casefold() == name]
    if len(found) == 1:
        return found[0]
    raise BadArgument(
        "must be a member of this workspace, like @Ada" if not found else "is the name of several: mention"
    )


def _channel(word: str, state: State) -> Channel:
    """`#name`, a name, or an id."""
    name = word.removeprefix("#")
    for it in state.channels.values():
        if name in (it.channel.name, it.channel.id):
            return it.channel
    raise BadArgument("must be a channel that I can see, like #general")


def _choice(choices: dict[str, Any], names: dict[str, Any] | None = None) -> Converter:
    by_word = {**(names or {}), **{word.casefold(): value for word, value in choices.items()}}

    def choose(word: str, state: State) -> Any:
        if word.casefold() in by_word:
            return by_word[word.casefold()]
        raise BadArgument("must be one of " + ", ".join(choices))

    return choose


def _by(function: Callable[[str], Any]) -> Converter:
    """What a bot's own function makes of a word; its ValueError says what would fit."""

    def convert(word: str, state: State) -> Any:
        try:
            return function(word)
        except ValueError as problem:
            raise BadArgument(str(problem) or "does not fit") from None

    return convert


def _first_of(annotations: list[Any]) -> Converter:
    converters = [converter_for(each) for each in annotations]

    def convert(word: str, state: State) -> Any:
        problems: list[str] = []
        for each in converters:
            try:
                return each(word, state)
            except BadArgument as problem:
                problems.append(problem.text)
        raise BadArgument(", or ".join(problems))

    return convert


_SIMPLE: dict[Any, Converter] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _yes_or_no,
    timedelta: _duration,
    MemberCard: _member,
    Channel: _channel,
}
