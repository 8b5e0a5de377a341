"""Providers: how a plugin supplies the implementation of a port.

A kind (`storage`, `migrator`, `bus`, `presence`, `auth`, `token`, `voice`; `source`, `snapshot` and `target` for moving
house), a name by which the configuration chooses it, and a factory that opens it for as long as its context lasts.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import attrs

from chatcore.config import Config
from chatcore.ports.clock import Clock
from chatcore.ports.peers import Peers
from chatcore.ports.plugin_data import PluginMigration
from chatcore.ports.storage import Storage

SINGLE_KINDS = ("storage", "bus", "presence", "token")
"""Of these exactly one is chosen; of `voice` one or none, of `auth` a chain."""


@attrs.frozen(kw_only=True)
class ProviderContext:
    """What a factory is given.

    `storage` is None while the storage itself is opened, `peers` until the bus is; `data_dir` holds small files
    (secrets). `plugin_tables` are the steps of each plugin's own tables: a storage that migrates when it is opened
    applies them, others refuse to open while one is missing.
    """

    config: Config
    clock: Clock
    data_dir: Path | None
    storage: Storage | None = None
    peers: Peers | None = None
    plugin_tables: Mapping[str, Sequence[PluginMigration]] = attrs.field(factory=dict)


Factory = Callable[[ProviderContext], AbstractAsyncContextManager[Any]]


@attrs.frozen(kw_only=True)
class Provider:
    """`schemes` are the URL schemes by which a storage (or bus) is chosen: `sqlite:///chat.db` -> `sqlite`.

    `missing`: what to install before it can be opened (an extra that is not there); one that nobody named is then left
    out, and one that is named refuses the start with this line.
    """

    kind: str
    name: str
    factory: Factory
    schemes: tuple[str, ...] = ()
    missing: str | None = None
