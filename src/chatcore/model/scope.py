"""What a bot's token may be used for."""

from collections.abc import Iterable
from enum import StrEnum


class TokenScope(StrEnum):
    """One thing that a token may be used for. What its bot may not do, no scope allows."""

    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    REACTIONS_WRITE = "reactions:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    MEMBERS_READ = "members:read"
    PROFILE_WRITE = "profile:write"
    COMMANDS_READ = "commands:read"
    COMMANDS_WRITE = "commands:write"
    HUDDLES_READ = "huddles:read"
    HUDDLES_WRITE = "huddles:write"
    PLUGINS = "plugins"
    ADMIN = "admin"

    @property
    def about(self) -> str:
        """What it opens, in words that follow “to”."""
        return _ABOUT[self]


_ABOUT = {
    TokenScope.MESSAGES_READ: "read messages, threads and their reactions, search, and move the read marker",
    TokenScope.MESSAGES_WRITE: "send, edit and delete messages, and say that one is typing",
    TokenScope.REACTIONS_WRITE: "add and remove reactions",
    TokenScope.CHANNELS_READ: "see channels, and who is in them",
    TokenScope.CHANNELS_WRITE: "make, change, join and leave channels, and their members; open direct messages",
    TokenScope.MEMBERS_READ: "see the members of a workspace, and who of them is there",
    TokenScope.PROFILE_WRITE: "change the bot's own name, picture and presence, and end its sign-ins",
    TokenScope.COMMANDS_READ: "see the commands of bots",
    TokenScope.COMMANDS_WRITE: "say which commands the bot has",
    TokenScope.HUDDLES_READ: "see huddles, and who is in them",
    TokenScope.HUDDLES_WRITE: "start, join, leave and change huddles, and talk in them",
    TokenScope.PLUGINS: "call the endpoints of plugins, which decide what the bot may do there",
    TokenScope.ADMIN: "manage the workspace: its settings, members, invites, tokens and audit log",
}


def in_order(scopes: Iterable[TokenScope]) -> tuple[TokenScope, ...]:
    """These scopes, each once, in the order in which they are declared."""
    wanted = frozenset(scopes)
    return tuple(scope for scope in TokenScope if scope in wanted)
