"""What in a piece of SQL is code, and what is quoted or said in passing."""

import re
from collections.abc import Iterator

_QUOTED = re.compile(
    r"""(?P<quoted>
        [eE]'(?:[^'\\]|''|\\.)*'
        | '(?:[^']|'')*'
        | "(?:[^"]|"")*"
        | --[^\n]*
        | /\*.*?\*/
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    )""",
    re.VERBOSE | re.DOTALL,
)


def pieces(sql: str) -> Iterator[tuple[bool, str]]:
    """The pieces of a text, in order; True for code."""
    end = 0
    for match in _QUOTED.finditer(sql):
        yield True, sql[end : match.start()]
        yield False, match[0]
        end = match.end()
    yield True, sql[end:]


def numbered(sql: str) -> str:
    """The statement with `$1`, `$2`, … for each `?` of its code."""
    count, out = 0, []
    for is_code, text in pieces(sql):
        if is_code:
            head, *rest = text.split("?")
            text = head
            for part in rest:
                count += 1
                text += f"${count}{part}"
        out.append(text)
    return "".join(out)


def first_words(script: str) -> list[str]:
    """The first word of each statement of a script, in capitals."""
    code = "".join(text if is_code else " " for is_code, text in pieces(script))
    return [words[0].upper() for statement in code.split(";") if (words := statement.split())]
