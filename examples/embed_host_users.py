"""A Quart-Trio application whose own users chat: it signs them in, and hands their pages tokens for the chat.

The application keeps one thing more of each of its users: the id of their account in the chat.
"""

from functools import partial

import attrs
import trio
from quart import abort, request
from quart_trio import QuartTrio

from chatcore import Chat, open_chat
from chatcore.ids import UserId
from chatcore.model import Workspace
from chatserver.app import serve


@attrs.define
class Host:
    """What stands here for the application's own users and sessions."""

    keys: dict[str, str]
    """A key of the application's -> the e-mail of its user."""
    accounts: dict[str, UserId] = attrs.field(factory=dict)
    """E-mail -> the user's id in the chat."""

    def signed_in(self) -> str:
        """The e-mail of who asks, as the application knows them; whoever it does not know is sent away."""
        email = self.keys.get(request.headers.get("X-App-Key", ""))
        return email if email is not None else abort(401)


async def mint(chat: Chat, host: Host, team: Workspace, email: str) -> dict[str, str]:
    """Tokens for one of the application's users, who gets an account in the chat the first time."""
    if email not in host.accounts:
        account = await chat.users.create(email=email)  # without a password: nobody signs in past the application
        await chat.members.add(team, account)
        host.accounts[email] = account.id
    session = await chat.sessions.open(await chat.users.get(host.accounts[email]))
    return {"accessToken": session.access_token, "refreshToken": session.refresh_token}


async def main(port: int = 8000, keys: dict[str, str] | None = None) -> None:
    app, host = QuartTrio(__name__), Host(keys or {})

    async with open_chat("memory:") as chat, trio.open_nursery() as nursery:
        house = await chat.users.create(email="house@example.org", display_name="The house")
        team = await chat.workspaces.create(name="Team", slug="team", owner=house, general=True)

        @app.post("/chat-token")
        async def chat_token() -> dict[str, str]:
            return await mint(chat, host, team, host.signed_in())

        address = await nursery.start(partial(serve, chat, port=port, app=app))
        print(f"Listening on {address.url}", flush=True)


if __name__ == "__main__":
    trio.run(main)
