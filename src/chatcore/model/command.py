"""Slash commands, as clients list them."""

from typing import Annotated

import attrs

from chatcore.limits import Items, Text

CommandName = Annotated[
    str, Text(1, 32, r"^[a-z][a-z0-9-]*$", "must be lower-case letters, digits and hyphens, like remind-me")
]


@attrs.frozen(kw_only=True)
class CommandParameter:
    """What may follow a command's name; `choices` are offered while one types."""

    name: CommandName
    about: Annotated[str, Text(0, 200)] = ""
    choices: Annotated[tuple[str, ...], Items(0, 50)] = ()
    required: bool = True


@attrs.frozen(kw_only=True)
class Command:
    """What somebody may type after a slash, and who answers: the plugin or bot of this name.

    bot: it is an ordinary message that the bot sees and answers; otherwise the server runs it and stores nothing.
    """

    name: CommandName
    about: Annotated[str, Text(0, 200)] = ""
    parameters: Annotated[tuple[CommandParameter, ...], Items(0, 10)] = ()
    owner: str = ""
    bot: bool = False
