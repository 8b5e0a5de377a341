"""The database: reachable, of the right schema, sound."""

from collections.abc import AsyncIterator

from chatcli.health.finding import Finding, fail, ok, warn
from chatcore import open_migrator
from chatcore.config import Config
from chatcore.errors import ChatError, ConfigError
from chatcore.ports import Migrator


async def check_database(config: Config) -> AsyncIterator[Finding]:
    """The schema, then, when there is one, every page."""
    try:
        async with open_migrator(config) as migrator:
            schema = await _schema(migrator)
            yield schema
            if schema.advice is None:
                yield await _integrity(migrator)
    except (ChatError, ConfigError) as error:
        yield fail("database", str(error), "see the message; `chatcore restore` brings a backup back")


async def _schema(migrator: Migrator) -> Finding:
    steps = await migrator.status()
    missing = [step for step in steps if not step.applied]
    if missing and len(missing) == len(steps):
        return warn("database", "there is none yet", "the first `chatcore serve` makes it, or `chatcore migrate up`")
    if missing:
        named = ", ".join(f"{step.version:04}" for step in missing)
        return fail("database", f"the schema lacks {named}", "run `chatcore migrate up`")
    return ok("database", f"schema {steps[-1].version:04}, up to date")


async def _integrity(migrator: Migrator) -> Finding:
    problems = await migrator.check()
    if problems:
        said = f"{problems[0]} (and {len(problems) - 1} more)" if len(problems) > 1 else problems[0]
        return fail("integrity", said, "stop the server and restore a backup: `chatcore restore`")
    return ok("integrity", "sound")
