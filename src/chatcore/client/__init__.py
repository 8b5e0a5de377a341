"""A client for a Chatcore server: signed in, typed with the core's own values, and there through every interruption.

    async with open_client("https://chat.example.org", token="cct_…") as client:
        async with client.workspace("team") as ws:
            await ws.send("general", "Hello")
            async for event in ws.events():
                ...

It sees values only, so it can be used against any server, and read alone:

    client        open_client: sign-in, and everything by noun
    rest/         the REST interface, one file per noun; answers: values that the core does not have
    workspace     a workspace, followed: events, state, sends
    reading       the state of a workspace, read afresh
    link          one socket that comes back; outbox, inbox: what waits on either side of it; dialling: its line
    ending        how a connection ended, and what to do then
    api  access   one request, tried again while that is safe; the token that it carries
    endpoint      one route as data; answering: what comes back
    faults        the server's refusals as the errors of chatcore.errors
    blocking      the same without async, for scripts and notebooks
"""

from chatcore.client.access import Access, BotAccess, PersonAccess, Tokens, renewed
from chatcore.client.client import Client, clean_token, clean_url, open_client
from chatcore.client.endpoint import KEEP
from chatcore.client.faults import NotChatcore, Unreachable
from chatcore.client.workspace import Frame, Resynced, Workspace

__all__ = [
    "KEEP",
    "Access",
    "BotAccess",
    "Client",
    "Frame",
    "NotChatcore",
    "PersonAccess",
    "Resynced",
    "Tokens",
    "Unreachable",
    "Workspace",
    "clean_token",
    "clean_url",
    "open_client",
    "renewed",
]
