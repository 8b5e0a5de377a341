"""Writes docs/reference/cli.md from the help texts of the commands; a test says when it is old."""

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from chatcli.main import cli

HERE = Path(__file__).parent
PAGE = HERE / "reference" / "cli.md"


def page() -> str:
    """The whole page."""
    introduction = (HERE / "parts" / "cli.md").read_text("utf-8")
    return "\n".join([introduction, *_described(cli, click.Context(cli, info_name="chatcore"))])


def _described(group: click.Group, parent: click.Context) -> Iterator[str]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        yield from _command(command, context)
        if isinstance(command, click.Group):
            yield from _described(command, context)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    level = "##" if context.parent is not None and context.parent.parent is None else "###"
    yield f"{level} `{context.command_path}`\n"
    if not isinstance(command, click.Group):
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        yield f"```\n{usage}\n```\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield f"{_paragraph(paragraph)}\n"
    records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
    options = [f"- `{names}`: {text}" for names, text in filter(None, records)]
    if options:
        yield "\n".join([*options, ""])


def _paragraph(text: str) -> str:
    """Text as it is; what click is told not to wrap becomes a block, without the line that calls it an example."""
    if not text.startswith("\b\n"):
        return text
    lines = text.removeprefix("\b\n").splitlines()
    return f"```sh\n{textwrap.dedent(chr(10).join(lines[1:]))}\n```"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
