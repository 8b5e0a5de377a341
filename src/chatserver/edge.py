"""The way of a request: from the web framework to a handler of the route table, and back as JSON.

What stands here runs for every request, so nothing is done twice and nothing waits that need not. What a client sees of
it is in docs/reference/rest.md.
"""

import logging
import re
from typing import Any

import attrs
import trio
from quart import Quart, request
from quart.wrappers import Response
from werkzeug.exceptions import HTTPException

from chatcore import wire
from chatcore.errors import ChatError, NotFound, PayloadTooLarge, UnsupportedMedia, ValidationFailed
from chatcore.ids import uuid7
from chatserver import csrf, problems, sessions
from chatserver.asked import Answer, Asked, Departed
from chatserver.headers import security_headers
from chatserver.logs import REQUEST_ID, SLOW_REQUEST_SECONDS
from chatserver.origins import CORS_HEADERS, CORS_METHODS
from chatserver.parts import Call, Parts
from chatserver.query import parse_query
from chatserver.route import Auth, Raw, Route, route
from chatserver.versions import negotiate

__all__ = ["Auth", "Call", "Edge", "Raw", "Route", "route"]

log = logging.getLogger(__name__)

BODY_SECONDS = 30.0
"""A body that is not there after so long is answered 408."""
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Edge:
    """Serves the routes of one server."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._shapes = _shapes(parts.routes)

    # --- mounting --------------------------------------------------------------------------------------------------

    def mount(self, app: Quart) -> None:
        """Add every route to a web application, and an answer for every other address below `/api`."""
        for each in self.parts.routes:
            self._add(app, each.rule, each.name, [each.method], self._view(each))
        for rule in dict.fromkeys(each.rule for each in self.parts.routes):
            self._add(app, rule, f"OPTIONS {rule}", ["OPTIONS"], self.preflight)
        for rule in ("/api", "/api/", "/api/<path:rest>"):
            self._add(app, rule, f"no {rule}", _EVERY_METHOD, self.missing)

    def _add(self, app: Quart, rule: str, endpoint: str, methods: list[str], view: Any) -> None:
        app.add_url_rule(
            rule,
            f"chatcore {endpoint}",
            view,
            methods=methods,
            provide_automatic_options=False,
            merge_slashes=False,
            strict_slashes=True,
        )

    def _view(self, route: Route) -> Any:
        async def view(**path: str) -> Response:
            return _response(await self.answer(route, _asked(), path))

        return view

    # --- one request -----------------------------------------------------------------------------------------------

    async def answer(self, route: Route, asked: Asked, path: dict[str, str]) -> Answer:
        """Answer a request for a route of the table."""
        began = trio.current_time()
        call = self._call(asked)
        try:
            headers = negotiate(asked.headers.get("accept")).headers()
            await self._admit(route, call, asked)
            arguments = await self._arguments(route, asked, path)
            response = self._success(route, call, await route.handler(call, **arguments))
            response.headers.extend(headers)
        except Departed:
            raise
        except Exception as error:
            response = self.failure(error)
        except BaseExceptionGroup as group:
            # A nursery of a service was cancelled while one of its tasks failed: the cancellation must go on its way.
            failed, rest = group.split(Exception)
            if rest is not None:
                raise rest from None
            response = self.failure(failed or group)
        self._finish(response, call, asked)
        self._account(route.name, asked.method, response.status, trio.current_time() - began)
        return response

    def _call(self, asked: Asked) -> Call:
        request_id = asked.headers.get("x-request-id") or ""
        if not _SANE_ID.match(request_id):
            request_id = uuid7(int(self.parts.chat.clock.now().timestamp() * 1000))
        REQUEST_ID.set(request_id)
        client = self.parts.proxies.client(asked.peer, asked.scheme, asked.headers)
        return Call(parts=self.parts, client=client, asked=asked)

    async def _admit(self, route: Route, call: Call, asked: Asked) -> None:
        """Sign-in, cross-site forgery, rate limits, what the token is for: in this order.

        Raises Unauthorized, Forbidden, RateLimited, MissingScope.
        """
        limiter = self.parts.limiter
        if route.auth is Auth.SIGNED_IN:
            try:
                found = await sessions.authenticate(call.chat, asked.headers, call.cookies, secure=call.client.secure)
            except ChatError:
                limiter.hit("default", call.client.network)
                raise
            call.identity = found.identity
            if route.changes and found.by_cookie:
                self.parts.origins.require(asked.headers, call.client)
                csrf.require(
                    call.chat, asked.headers, call.cookies, found.identity.session_id, secure=call.client.secure
                )
        elif route.auth is Auth.SIGNING_IN:
            self.parts.origins.require(asked.headers, call.client)
        if route.rate is not None:
            await limiter.count(route.rate, self._subject(route.rate, call))
        if call.identity is not None:
            call.identity.require(route.needs)

    def _subject(self, rule: str, call: Call) -> str:
        known = self.parts.limiter.rules.get(rule)
        if call.identity is None or (known is not None and known.per == "ip"):
            return call.client.network
        return call.identity.user_id

    async def _arguments(self, route: Route, asked: Asked, path: dict[str, str]) -> dict[str, Any]:
        """The handler's arguments. Raises ValidationFailed; NotFound for a path that can name nothing."""
        arguments: dict[str, Any] = {}
        for parameter in route.parameters:
            try:
                arguments[parameter.argument] = wire.structure(path[parameter.name], parameter.type)
            except ValidationFailed:
                raise NotFound.of(_noun(parameter.name)) from None
        if route.query is not None:
            arguments["query"] = parse_query(asked.query_string, route.query)
        elif asked.query_string:
            parse_query(asked.query_string, Nothing)
        if route.changes:
            data = await _body(asked, self.parts.chat.config.max_body_size)
            if route.body is bytes:
                arguments["body"] = data
            elif route.body is not None:
                arguments["body"] = wire.structure(_json(asked, data, route.body), route.body)
            elif data:
                wire.structure(_json(asked, data, Nothing), Nothing)
        return arguments

    def _success(self, route: Route, call: Call, answer: Any) -> Answer:
        status = call.status or route.status
        if answer is None:
            return Answer(status=204 if status == 200 else status, body=b"")
        if isinstance(answer, Raw):
            return Answer(status=status, body=answer.body, content_type=answer.content_type)
        return Answer(status=status, body=wire.encode(answer))

    def failure(self, error: BaseException) -> Answer:
        """The answer to a request that failed."""
        problem = problems.problem_of(error)
        if problems.is_ours(error):
            log.error("request failed", exc_info=error)
        body = problems.body_of(problem, now=self.parts.chat.clock.now(), request_id=REQUEST_ID.get() or "")
        return Answer(status=problem.status, body=body, headers=problems.headers_of(problem))

    def _finish(self, answer: Answer, call: Call, asked: Asked) -> None:
        headers = answer.headers
        headers.extend(security_headers(call.client.secure))
        headers.append(("X-Request-Id", REQUEST_ID.get() or ""))
        headers.extend(self.parts.origins.cors_headers(asked.headers, call.client))
        headers.extend(("Set-Cookie", cookie) for cookie in call.jar.headers())

    def _account(self, name: str, method: str, status: int, seconds: float) -> None:
        self.parts.meter.answered(name, status, seconds)
        if seconds >= SLOW_REQUEST_SECONDS or status >= 500:
            log.warning("slow or failed request", extra=_facts(name, method, status, seconds))
        elif log.isEnabledFor(logging.DEBUG):
            log.debug("request", extra=_facts(name, method, status, seconds))

    # --- everything else below /api --------------------------------------------------------------------------------

    async def missing(self, **_: str) -> Response:
        """404, or 405 where another method would do."""
        asked = _asked()
        call = self._call(asked)
        allowed = self._allowed(asked.path)
        problem = problems.wrong_method(asked.method, allowed) if allowed else problems.no_such_address()
        answer = self.failure(problem)
        self._finish(answer, call, asked)
        self.parts.meter.answered("none", answer.status, 0)
        return _response(answer)

    async def preflight(self, **_: str) -> Response:
        """What a browser asks before a page of another origin may send its request."""
        asked = _asked()
        call = self._call(asked)
        answer = Answer(status=204, body=b"", headers=[("Allow", ", ".join([*self._allowed(asked.path), "OPTIONS"]))])
        self._finish(answer, call, asked)
        if any(name == "Access-Control-Allow-Origin" for name, _ in answer.headers):
            answer.headers += [
                ("Access-Control-Allow-Methods", CORS_METHODS),
                ("Access-Control-Allow-Headers", CORS_HEADERS),
                ("Access-Control-Max-Age", "600"),
            ]
        return _response(answer)

    async def unforeseen(self, error: Exception) -> Response:
        """What the web framework itself refuses or breaks on, outside our routes."""
        asked = _asked()
        call = self._call(asked)
        answer = self.failure(error)
        self._finish(answer, call, asked)
        return _response(answer)

    def _allowed(self, path: str) -> list[str]:
        return sorted({route.method for shape, route in self._shapes if shape.match(path)})


@attrs.frozen
class Nothing:
    """The body, or the query, of an endpoint that takes none."""


def _facts(name: str, method: str, status: int, seconds: float) -> dict[str, Any]:
    return {"route": name, "method": method, "status": status, "ms": round(seconds * 1000, 1)}


async def _body(asked: Asked, most: int) -> bytes:
    """Raises PayloadTooLarge, UnsupportedMedia."""
    too_large = PayloadTooLarge(f"The body is too large: at most {most // 1024} KiB of JSON are taken.")
    if asked.content_length > most:
        raise too_large
    data = bytearray()
    with trio.move_on_after(BODY_SECONDS) as patience:
        async for chunk in asked.body:
            data += chunk
            if len(data) > most:
                raise too_large
    if patience.cancelled_caught:
        raise problems.too_slow()
    return bytes(data)


def _json(asked: Asked, data: bytes, cls: type[Any]) -> Any:
    if not data:
        if any(field.default is attrs.NOTHING for field in attrs.fields(cls)):
            raise ValidationFailed.of("body", "is required: send a JSON object")
        return {}
    if asked.media_type != "application/json":
        raise UnsupportedMedia("Send the body as Content-Type: application/json.")
    return wire.decode(data)


def _noun(parameter: str) -> str:
    """What a path's part names: `channelId` -> channel, `slug` -> workspace."""
    return {"slug": "workspace", "token": "invite"}.get(parameter, parameter.removesuffix("Id"))


def _shapes(routes: tuple[Route, ...]) -> list[tuple[re.Pattern[str], Route]]:
    return [(re.compile(re.sub(r":[A-Za-z]+", "[^/]+", route.path) + r"\Z"), route) for route in routes]


def _asked() -> Asked:
    """The request that the web framework is in."""
    return Asked.of(request.scope, aiter(request.body))


def _response(answer: Answer) -> Response:
    """The answer in the web framework's terms."""
    response = Response(answer.body, answer.status, content_type=answer.content_type)
    response.headers.extend(answer.headers)
    if request.method == "HEAD":
        response.set_data(b"")
        response.headers["Content-Length"] = str(len(answer.body))
    return response


def answer_everything(app: Quart, edge: Edge) -> None:
    """Make an application of our own answer everything, its own refusals too, in our form."""
    app.register_error_handler(HTTPException, edge.unforeseen)
    app.register_error_handler(Exception, edge.unforeseen)
