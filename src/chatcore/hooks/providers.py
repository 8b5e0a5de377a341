"""Which provider is used for each port: chosen by URL scheme or by name, never by falling back in silence."""

from collections.abc import Iterable, Sequence

import attrs

from chatcore.config import Config
from chatcore.errors import ConfigError
from chatcore.ports.provider import Provider


@attrs.frozen(kw_only=True)
class Chosen:
    """One provider for each port; of `auth` the chain, in the order in which they are asked."""

    storage: Provider
    bus: Provider
    presence: Provider
    token: Provider
    auth: tuple[Provider, ...]
    voice: Provider | None
    """None: media goes from peer to peer only."""


def choose(providers: Sequence[Provider], config: Config) -> Chosen:
    """The providers that the configuration asks for. Raises ConfigError naming what to install or set.

    storage: by the scheme of `database_url`. bus: by that of `redis_url`, and without one the one named `memory`.
    voice: by name, or none; `auto` is the only one.
    """
    return Chosen(
        storage=by_url(providers, "storage", config.database_url, "database_url"),
        bus=_bus(providers, config),
        presence=only(providers, "presence"),
        token=only(providers, "token"),
        auth=chain(providers, "auth"),
        voice=optional(providers, "voice", config.voice),
    )


def check_names(provided: Iterable[tuple[str, Provider]]) -> None:
    """Raises ConfigError when two providers of one kind share a name or scheme. `provided`: plugin's name, provider."""
    taken: dict[tuple[str, str], str] = {}
    for plugin, provider in provided:
        for key in dict.fromkeys((provider.name, *(f"{scheme}:" for scheme in provider.schemes))):
            other = taken.get((provider.kind, key))
            if other is not None:
                raise ConfigError(
                    f"the plugins {other} and {plugin} both provide the {provider.kind} {key!r}; {_TURN_OFF}"
                )
            taken[provider.kind, key] = plugin


def by_url(providers: Sequence[Provider], kind: str, url: str, setting: str) -> Provider:
    """The provider for the scheme of `url`, the value of `setting`. Raises ConfigError."""
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise ConfigError(f"{setting}: must be a URL, like sqlite:///chat.db")
    of_kind = [each for each in providers if each.kind == kind]
    for each in of_kind:
        if scheme in each.schemes:
            return each
    known = ", ".join(sorted(f"{each}:" for provider in of_kind for each in provider.schemes)) or "none"
    raise ConfigError(
        f"{setting}: no installed plugin provides the {kind} for {scheme}: (there is: {known}); "
        f"install the plugin that does, or set another {setting}"
    )


def _bus(providers: Sequence[Provider], config: Config) -> Provider:
    if config.bus:
        return by_name(providers, "bus", config.bus)
    if config.redis_url:
        return by_url(providers, "bus", config.redis_url, "redis_url")
    scheme = config.database_url.partition(":")[0]
    beside = [each for each in providers if each.kind == "bus" and scheme in each.schemes]
    return beside[0] if beside else by_name(providers, "bus", "memory")


def by_name(providers: Sequence[Provider], kind: str, name: str) -> Provider:
    """The provider of this name. Raises ConfigError."""
    for each in providers:
        if each.kind == kind and each.name == name:
            if each.missing is not None:
                raise ConfigError(each.missing)
            return each
    raise ConfigError(f"no installed plugin provides the {kind} {name!r}; install one, or remove what disables it")


def only(providers: Sequence[Provider], kind: str) -> Provider:
    """The one provider of its kind. Raises ConfigError when there is none, or more than one."""
    found = [each for each in providers if each.kind == kind]
    if not found:
        raise ConfigError(f"no installed plugin provides {kind}; install one, or remove what disables it")
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise ConfigError(f"more than one plugin provides {kind} ({names}); {_TURN_OFF}")
    return found[0]


def optional(providers: Sequence[Provider], kind: str, wanted: str) -> Provider | None:
    """The provider of this name; `auto`: the only one of its kind, or none; `off`: none. Raises ConfigError."""
    if wanted == "off":
        return None
    if wanted != "auto":
        return by_name(providers, kind, wanted)
    found = [each for each in providers if each.kind == kind and each.missing is None]
    return only(found, kind) if found else None


def chain(providers: Sequence[Provider], kind: str) -> tuple[Provider, ...]:
    """All providers of a kind, in the order of their plugins. Raises ConfigError when there is none."""
    found = tuple(each for each in providers if each.kind == kind)
    if not found:
        raise ConfigError(f"no installed plugin provides {kind}; install one, or remove what disables it")
    return found


_TURN_OFF = "turn one off with `enabled = false` under [plugin.NAME] in chat.toml"
