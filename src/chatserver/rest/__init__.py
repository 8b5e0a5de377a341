"""Every endpoint: one table, put together from one file per resource."""

from chatserver.rest import (
    audit,
    auth,
    channels,
    commands,
    huddles,
    invites,
    members,
    messages,
    operations,
    realtime,
    tokens,
    users,
    workspaces,
)
from chatserver.route import Route

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *users.ROUTES,
    *workspaces.ROUTES,
    *members.ROUTES,
    *tokens.ROUTES,
    *invites.ROUTES,
    *channels.ROUTES,
    *messages.ROUTES,
    *commands.ROUTES,
    *huddles.ROUTES,
    *audit.ROUTES,
    *realtime.ROUTES,
    *operations.ROUTES,
)
