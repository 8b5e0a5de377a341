"""A slash command: `/flip`, and everybody sees how the coin fell. `chatcore serve --plugin examples/coin.py`."""

import secrets
from collections.abc import Iterable

from chatcore.errors import ValidationFailed
from chatcore.hooks import Invocation, SlashCommand, hookimpl
from chatcore.model import CommandParameter

SIDES = ("heads", "tails")


async def flip(invocation: Invocation) -> str | None:
    """What is returned is shown to the caller alone; what is said, to the channel."""
    bet = invocation.text.lower()
    if bet and bet not in SIDES:
        raise ValidationFailed.of("content", f"bet on {' or '.join(SIDES)}, or on nothing")
    side = secrets.choice(SIDES)
    await invocation.say(f"flips a coin: {side}.")
    return None if not bet else "You win." if bet == side else "You lose."


@hookimpl
def register_slash_commands() -> Iterable[SlashCommand]:
    """The one command; clients offer it while somebody types."""
    sides = CommandParameter(name="side", about="what you bet on", choices=SIDES, required=False)
    return [SlashCommand(name="flip", about="Flip a coin", run=flip, parameters=(sides,))]
