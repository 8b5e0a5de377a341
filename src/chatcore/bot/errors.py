"""What ends a handler, and what the person who caused it is told."""


class BotError(Exception):
    """Raise it in a handler to answer with its text instead: `raise BotError("The oven is off.")`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class BadArgument(BotError):
    """What somebody typed does not fit; the text says what would."""


class NoAnswer(BotError):
    """Nobody answered what `ask` asked, in time."""


class Cancelled(BotError):
    """The person called the dialog off, or began another one."""
