"""Passwords on their way in: typed, read from standard input, or made here. Never arguments, which others see."""

import secrets
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from chatcli.problem import Failure

F = TypeVar("F", bound=Callable[..., Any])

# Without letters and digits that look alike. 20 of 56 are 116 bits.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
LENGTH = 20


def password_stdin_option(command: F) -> F:
    """`--password-stdin`."""
    return click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)


def new_password_options(command: F) -> F:
    """`--password-stdin` and `--generate-password`."""
    option = click.option("--generate-password", is_flag=True, help="Make up a password, and print it once.")
    return password_stdin_option(option(command))


def new_password(*, from_stdin: bool, generate: bool) -> str:
    """A password to set: read, made up, or typed twice. Raises Failure when there is nobody to type it."""
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate-password exclude each other.")
    if generate:
        return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return ask_password(from_stdin=from_stdin, twice=True)


def ask_password(*, from_stdin: bool, twice: bool = False) -> str:
    """A password from standard input, or typed without being shown. Raises Failure."""
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise Failure("there is no password on standard input")
        return line
    if not sys.stdin.isatty():
        other = " or --generate-password" if twice else ""
        raise Failure(f"there is no terminal to type a password at: use --password-stdin{other}")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
    return typed
