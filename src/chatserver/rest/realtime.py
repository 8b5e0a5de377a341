"""The address of the WebSocket. Requests for one never come here: the listener takes them out before."""

from chatserver.net.asgi import PATH
from chatserver.net.upgrade import UpgradeRequired
from chatserver.parts import Call
from chatserver.route import Auth, route


async def open_socket(call: Call) -> None:
    """Open a WebSocket: see the reference of the protocol.

    Sign in by the session cookies, by `Authorization`, or by the `accessToken` of the first frame.
    """
    raise UpgradeRequired("This address is for WebSockets: send Upgrade: websocket.")


ROUTES = (route("GET", PATH, open_socket, status=101, auth=Auth.NOBODY, errors=(426,)),)
