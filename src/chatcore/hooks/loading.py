"""Finding plugins: installed ones by entry point, others by module name or by the path of a single file."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import attrs

from chatcore.errors import ConfigError

GROUP = "chatcore.plugins"
"""The entry point group. Name: the plugin's; value: its module, or an object in one."""

OFFER = "__chatcore_plugin__"
"""A method by which an object in a file gives the plugin that it stands for."""


OPTIONAL = "chatcore.optional_plugins"
"""Plugins that come along with a package, and are loaded only when the configuration names them."""


@attrs.frozen(kw_only=True)
class Found:
    """A plugin that was found and imported."""

    name: str
    part: Any
    version: str = ""


@cache
def installed() -> Mapping[str, EntryPoint]:
    """The plugins that came with installed packages.

    Looked up once: it takes reading the metadata of every package, and what is installed while a process runs is for
    the next one.
    """
    return MappingProxyType({point.name: point for point in entry_points(group=GROUP)})


def available() -> dict[str, str]:
    """The plugins that have to be asked for: name -> version."""
    return {point.name: point.dist.version if point.dist is not None else "" for point in entry_points(group=OPTIONAL)}


def load_all(
    named: Sequence[str], given: Iterable[Any], points: Mapping[str, EntryPoint], disabled: frozenset[str]
) -> list[Found]:
    """What the configuration names, in its order, then objects handed over, then everything else that is installed.

    Raises ConfigError for what is not there, does not import, or has the name of another.
    """
    found = [_load(name, points) for name in dict.fromkeys(named) if plugin_name(name) not in disabled]
    found += [_describe(part) for part in given]
    chosen = {each.name for each in found}
    found += [_installed(points[name]) for name in sorted(points) if name not in chosen and name not in disabled]
    seen: set[str] = set()
    for each in found:
        if each.name in seen:
            raise ConfigError(f"plugins: there are two plugins named {each.name!r}; rename or remove one")
        seen.add(each.name)
    return found


def is_path(name: str) -> bool:
    """Whether a configured plugin is a single file rather than a name."""
    return name.endswith(".py") or "/" in name


def plugin_name(name: str) -> str:
    """The name of the plugin that the configuration calls `name`: a file's stem, the last part of a module's name."""
    return Path(name).stem if is_path(name) else name.rpartition(".")[2]


def _load(name: str, points: Mapping[str, EntryPoint]) -> Found:
    if is_path(name):
        return _from_file(Path(name))
    if name in points:
        return _installed(points[name])
    for point in entry_points(group=OPTIONAL):
        if point.name == name:
            return _installed(point)
    if not name.replace(".", "_").isidentifier() or importlib.util.find_spec(name.partition(".")[0]) is None:
        raise ConfigError(f"plugins: there is no plugin {name!r}; install it, or give the path of a .py file")
    return _describe(_imported(name, lambda: importlib.import_module(name)))


def _installed(point: EntryPoint) -> Found:
    part = _imported(point.name, point.load)
    return Found(name=point.name, part=part, version=_version(point))


@cache
def _version(point: EntryPoint) -> str:
    """The version of the package that a plugin came with, from a file that is parsed for it."""
    return point.dist.version if point.dist is not None else ""


def _from_file(path: Path) -> Found:
    """Run the file as a module of its own. Its name in `sys.modules`, where typing looks, tells files apart."""
    if not path.is_file():
        raise ConfigError(f"plugins: there is no file {path}")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"chatcore_plugin_{path.stem}_{digest}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"plugins: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    loader = spec.loader
    try:
        _imported(str(path), lambda: loader.exec_module(module))
    except ConfigError:
        del sys.modules[spec.name]
        raise
    return Found(name=path.stem, part=_plugin_in(module, path), version=getattr(module, "__version__", ""))


def _plugin_in(module: ModuleType, path: Path) -> Any:
    """The module, or what stands for the one object in it that says that it is a plugin (a bot does)."""
    makers = [value for value in vars(module).values() if hasattr(type(value), OFFER)]
    if len(makers) > 1:
        raise ConfigError(f"plugins: {path} holds {len(makers)} plugins; put each into a file of its own")
    return getattr(makers[0], OFFER)() if makers else module


def _imported(name: str, load: Any) -> Any:
    try:
        return load()
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"plugins: {name} cannot be loaded: {problem}") from error


def _describe(part: Any) -> Found:
    if isinstance(part, ModuleType):
        name = part.__name__.rpartition(".")[2]
    else:
        name = getattr(part, "name", None) or type(part).__name__
    return Found(name=name, part=part, version=getattr(part, "__version__", ""))
