"""Team chat as a library: `async with open_chat("sqlite:///team.db") as chat: ...`

The floors, bottom to top; each imports only what stands below it:

    ids  model  errors      typed ids; frozen values; the coded errors
    text  config            what people type, in one form; settings
    events                  one class per fact
    policy                  who may do what
    wire                    JSON <-> values
    state                   how a client's view follows the events
    ports                   storage, bus, presence, auth, clock: short Protocols
    hooks                   what plugins may do, and the only code that calls them
    service                 one file per noun: check -> hook -> transaction -> event -> publish
    chat                    open_chat: wiring and the nursery
    upkeep                  open_migrator: a database from outside
    archive  moving         everything that a database holds, into another, into a file, and back
    client  bot             for those who talk to a server: values only
    embedded                bots in the process of the chat
    testing                 public: contract suites for the ports, fakes

Up to `state` nothing does I/O or knows of tasks.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatcore.chat import Chat, open_chat
    from chatcore.config import Config
    from chatcore.moving import copy_database, export_database, import_database
    from chatcore.upkeep import open_migrator

__all__ = ["Chat", "Config", "copy_database", "export_database", "import_database", "open_chat", "open_migrator"]

_HOMES = {
    "Chat": "chatcore.chat",
    "open_chat": "chatcore.chat",
    "Config": "chatcore.config",
    "copy_database": "chatcore.moving",
    "export_database": "chatcore.moving",
    "import_database": "chatcore.moving",
    "open_migrator": "chatcore.upkeep",
}


def __getattr__(name: str) -> Any:
    """Import the top floor only for those who use it: the values below stay light for clients and plugins."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
