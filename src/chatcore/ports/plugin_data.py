"""What plugins and bots keep: pairs of a key and a value, and tables of a plugin's own.

Pairs are for settings, cursors, counters and queues. Who owns them is the `space`: `plugin:NAME` or `bot:USER_ID`.
Tables are for what has to be searched or counted. A plugin describes them as numbered steps (`register_migrations`),
each for every dialect that it supports; they are recorded apart from the steps of the core, so that either may be
updated without the other.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from chatcore.errors import ConfigError, ValidationFailed

MAX_SPACE = 100
MAX_KEY = 200
"""Characters."""
MAX_VALUE = 64 * 1024
"""Bytes."""
MAX_PAIRS = 1000
"""How many pairs one `scan` gives at most."""

_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+\Z")

Scalar = str | int | float | bytes | None
"""What a statement is given and gives back. Times are whole milliseconds, booleans 0 and 1, ids text."""


class Pairs(Protocol):
    """Values by key, each in the space of its owner."""

    async def get(self, space: str, key: str) -> bytes | None: ...

    async def put(self, space: str, key: str, value: bytes) -> None:
        """Store a value in the place of the one that was there. Raises ValidationFailed (see `check_pair`)."""
        ...

    async def delete(self, space: str, key: str) -> bool:
        """Remove a pair; whether there was one."""
        ...

    async def scan(
        self, space: str, *, prefix: str = "", after: str | None = None, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """The pairs whose key begins with `prefix` and lies after the key `after`, at most `limit` (and MAX_PAIRS).

        In the order of the code points of their keys. It costs O(limit), however many pairs there are.
        """
        ...

    async def usage(self, space: str) -> tuple[int, int]:
        """How many pairs a space has, and how many bytes their values are. Costs O(pairs)."""
        ...

    async def clear(self, space: str) -> int:
        """Remove every pair of a space; how many there were."""
        ...


class Sql(Protocol):
    """Statements on a plugin's own tables, inside the transaction.

    No fence: a plugin is code that the operator chose, and what it does to other tables is its own fault. Only its own
    are promised to stay as they are.
    """

    dialect: str
    """`sqlite` or `postgresql`."""

    async def run(self, statement: str, *values: Scalar) -> int:
        """Execute one statement, each `?` in it being the next value; how many rows it changed.

        Raises Duplicate, NotFound and ValidationFailed for what a constraint refuses, ValueError for a statement that
        the database does not understand.
        """
        ...

    async def rows(self, statement: str, *values: Scalar) -> list[tuple[Any, ...]]:
        """The rows of a query: all of them, so it needs a LIMIT. Raises as `run`."""
        ...


@attrs.frozen(kw_only=True)
class PluginMigration:
    """One numbered step of a plugin's own tables; `up` and `down` are scripts by dialect.

    Whatever a script makes is named after the plugin: `nospam_words`, its index `nospam_words_by_age`.
    """

    version: int
    name: str
    up: Mapping[str, str]
    down: Mapping[str, str]


def check_pair(space: str, key: str, value: bytes = b"") -> None:
    """Raises ValidationFailed for a space, key or value that no storage takes."""
    for field, text, most in (("space", space, MAX_SPACE), ("key", key, MAX_KEY)):
        if not 0 < len(text) <= most:
            raise ValidationFailed.of(field, f"must have 1 to {most} characters")
        if not _TEXT.match(text):
            raise ValidationFailed.of(field, "must not contain control characters")
    if len(value) > MAX_VALUE:
        raise ValidationFailed.of("value", f"must have at most {MAX_VALUE} bytes, not {len(value)}")


def after_prefix(prefix: str) -> str | None:
    """The first text that is greater than all that begin with `prefix`, by code points; None when there is none."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last == 0xD800:
            last = 0xE000  # between them lie the surrogates, which are no characters
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(last)
        prefix = prefix[:-1]
    return None


def check_steps(plugin: str, steps: Sequence[PluginMigration]) -> None:
    """Raises ConfigError unless a plugin's steps are numbered 1, 2, … and say how each is undone."""
    if [step.version for step in steps] != list(range(1, len(steps) + 1)):
        raise ConfigError(f"plugin {plugin}, register_migrations: the steps are not numbered 1, 2, … without a hole")
    for step in steps:
        if set(step.up) != set(step.down):
            raise ConfigError(
                f"plugin {plugin}, register_migrations: step {step.version} ({step.name}) must have up and down "
                "for the same dialects"
            )


def script(plugin: str, step: PluginMigration, dialect: str, *, up: bool) -> str:
    """The script of a step. Raises ConfigError for a dialect that the plugin does not know."""
    scripts = step.up if up else step.down
    if dialect not in scripts:
        raise ConfigError(
            f"plugin {plugin}: it has no tables for {dialect} (only for {', '.join(sorted(scripts)) or 'nothing'}); "
            f"use a database that it supports, or set `enabled = false` under [plugin.{plugin}]"
        )
    return scripts[dialect]


def table_prefix(plugin: str) -> str:
    """With what the name of everything begins that a plugin makes in the database."""
    return re.sub(r"\W", "_", plugin.lower()) + "_"


def check_names(plugin: str, step: PluginMigration, touched: Sequence[str]) -> None:
    """Raises ConfigError when a script made, changed or dropped something that is not named after its plugin."""
    prefix = table_prefix(plugin)
    for name in touched:
        if not name.startswith(prefix):
            raise ConfigError(
                f"plugin {plugin}: step {step.version} ({step.name}) touches {name!r}: all that it makes, changes or "
                f"drops must be named {prefix}…"
            )
