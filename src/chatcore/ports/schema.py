"""What the migrators of every dialect share: the numbered scripts of a release, and what is refused.

`0001_initial.up.sql` and `0001_initial.down.sql`, one folder for each dialect. How a script is run, and how it is
recorded that it was, is the storage's own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import attrs

from chatcore.errors import ConfigError
from chatcore.ports.migrator import Migration
from chatcore.ports.plugin_data import PluginMigration

_NAME = re.compile(r"(\d{4})_(\w+)\.up\.sql\Z")


@attrs.frozen
class Scripts:
    """One numbered step: how it is done, and how it is undone."""

    version: int
    name: str
    up: str
    down: str


def folder_of(package: str, dialect: str) -> Path:
    """Where a plugin's scripts are: inside it when installed from a wheel; at the root of the repository in a checkout.

    package: the plugin's.
    """
    root = Path(str(files(package)))
    packaged = root / "migrations"
    return packaged if packaged.is_dir() else root.parents[1] / "migrations" / dialect


def read_scripts(folder: Path) -> tuple[Scripts, ...]:
    """The steps in a folder. Raises ConfigError when their numbers have a hole."""
    found = [_load(path, match) for path in sorted(folder.iterdir()) if (match := _NAME.match(path.name))]
    if [each.version for each in found] != list(range(1, len(found) + 1)):
        raise ConfigError(f"The migrations in {folder} are not numbered 0001, 0002, … without a hole.")
    return tuple(found)


def _load(path: Path, match: re.Match[str]) -> Scripts:
    down = path.with_name(path.name.replace(".up.", ".down."))
    return Scripts(int(match[1]), match[2], path.read_text("utf-8"), down.read_text("utf-8"))


def status_of(steps: Sequence[Scripts], applied: Mapping[int, str]) -> list[Migration]:
    """Every step of this release. applied: name by version. Raises ConfigError as `refuse_strange`."""
    refuse_strange(steps, applied)
    return [Migration(version=each.version, name=each.name, applied=each.version in applied) for each in steps]


def refuse_strange(steps: Sequence[Scripts], applied: Mapping[int, str]) -> None:
    """Raises ConfigError for a schema that is newer than this release, another one, or one with a hole."""
    known = {each.version: each.name for each in steps}
    for version, name in sorted(applied.items()):
        if known.get(version) != name:
            raise ConfigError(
                f"The database has migration {version:04} ({name}), which this release does not know: "
                f"install the newer release, or go back with its `chatcore migrate down --to {len(known)}`."
            )
    hole = next((version for version in range(1, len(applied) + 1) if version not in applied), None)
    if hole is not None:
        raise ConfigError(
            f"The database is half migrated: {hole:04} ({known[hole]}) is missing below later ones. "
            "Restore a backup, then run `chatcore migrate up`."
        )


def no_record() -> ConfigError:
    """There are tables of ours, and nothing says which steps made them."""
    return ConfigError("The database has tables but no record of its migrations: restore a backup of it.")


def require_all(lines: Iterable[Migration], then: str = "") -> None:
    """Raises ConfigError for the first step that was not applied. then: what else than `migrate up` helps."""
    for line in lines:
        if line.applied:
            continue
        if line.plugin:
            raise ConfigError(
                f"The database lacks step {line.version} ({line.name}) of the plugin {line.plugin}: "
                "run `chatcore migrate up`."
            )
        raise ConfigError(
            f"The database lacks migration {line.version:04} ({line.name}): run `chatcore migrate up`{then}."
        )


# --- the plugins' own tables -----------------------------------------------------------------------------------------


def line_of(plugin: str, step: PluginMigration, *, applied: bool) -> Migration:
    """A plugin's step as it is listed."""
    return Migration(version=step.version, name=step.name, applied=applied, plugin=plugin)


def known_to(plugin: str, steps: Sequence[PluginMigration], applied: Iterable[Sequence[object]]) -> dict[int, str]:
    """The steps that were applied, name by version. Raises ConfigError for one that the plugin does not know."""
    known = {step.version: step.name for step in steps}
    found: dict[int, str] = {}
    for version, name in applied:
        if not isinstance(version, int) or known.get(version) != name:
            raise ConfigError(
                f"The database has step {version} ({name}) of the plugin {plugin}, which this release of it does "
                "not know: install the newer one."
            )
        found[version] = str(name)
    return found


def steps_of(plugin: str, steps: Mapping[str, Sequence[PluginMigration]]) -> Sequence[PluginMigration]:
    """Those of one plugin. Raises ConfigError when it has none."""
    if plugin not in steps:
        raise ConfigError(f"There is no plugin {plugin!r} with tables of its own: install it to undo its steps.")
    return steps[plugin]


def still_there(plugin: str) -> ConfigError:
    """The core's schema cannot go while a plugin has tables."""
    return ConfigError(
        f"The plugin {plugin} has tables in the database: run `chatcore migrate down --plugin {plugin} --to 0` first."
    )


def touched(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The objects of a database that differ: their names, by what they were and are."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
