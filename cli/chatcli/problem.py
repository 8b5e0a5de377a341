"""What went wrong, in one line for the person at the terminal."""

import click

from chatcore.errors import ChatError, ConfigError, ValidationFailed, leaves


class Failure(click.ClickException):
    """The command did not work out: one line on stderr, exit status 1."""


def interrupted(error: BaseException) -> bool:
    """Whether somebody pressed Ctrl-C."""
    return any(isinstance(each, KeyboardInterrupt) for each in leaves(error))


def explain(error: BaseException) -> str | None:
    """The line that says what to do about an error that was foreseen; None for one that was not."""
    for each in leaves(error):
        if isinstance(each, ChatError):
            return one_line(_with_details(each))
        if isinstance(each, ConfigError):
            return one_line(str(each))
        if isinstance(each, click.ClickException):
            return one_line(each.format_message())
        if isinstance(each, OSError) and each.strerror is not None:
            return one_line(f"{each.filename}: {each.strerror}" if each.filename else each.strerror)
    return None


def _with_details(error: ChatError) -> str:
    """What the error says, and every bad field of the input, of which a server names the first."""
    if not isinstance(error, ValidationFailed):
        return error.message
    said = [f"{field}: {problem}" for field, problem in error.details.items()]
    return "; ".join([error.message, *(each for each in said if each not in error.message)])


def unforeseen(error: BaseException) -> str:
    """The line for an error that nobody foresaw."""
    first = next(leaves(error))
    what = one_line(f"{type(first).__name__}: {first}").removesuffix(":").rstrip(": ")
    return f"{what} (a fault in Chatcore; `chatcore --debug …` shows where, the log of the server may say more)"


def one_line(text: str) -> str:
    """The same words without line breaks."""
    return " ".join(text.split())
