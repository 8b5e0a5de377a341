"""The OpenAPI 3.1 document, from the route table and the classes that validate: nothing in it is written twice."""

from functools import cache
from http import HTTPStatus
from typing import Any, get_type_hints

import attrs
import orjson

from chatcore import wire
from chatserver.health import version
from chatserver.jsonschema import Schemas, default_of, is_required
from chatserver.problems import ErrorResponse
from chatserver.route import Auth, Parameter, Raw, Route

_DESCRIPTION = """\
Send `Authorization: Bearer <access token>`, or the session cookies; a request that changes something and is
authenticated by cookie also needs `X-CSRF-Token`. Ask for a version by `Accept: application/json; version=1`. Every
answer carries `X-Request-Id`. What the caller may not see is 404, the same as what does not exist. Unknown fields are
an error.
"""
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, or the token of a bot (`cct_…`)."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "chatcore_access",
        "description": "Set by signing in; over TLS its name begins with `__Host-`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The value of the cookie `chatcore_csrf`.",
    },
}
_ERROR = {"$ref": "#/components/responses/Problem"}
_REQUEST_ID = {"X-Request-Id": {"schema": {"type": "string"}, "description": "Names this request in the log."}}


@cache
def document(routes: tuple[Route, ...]) -> bytes:
    """The document of these routes, as JSON."""
    return orjson.dumps(describe(routes))


def describe(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The document of these routes."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, schemas)
    problem = schemas.of(ErrorResponse, request=False)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chatcore", "version": version(), "description": _DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": _SECURITY,
            "responses": {
                "Problem": {
                    "description": "What went wrong, with a stable code.",
                    "headers": _REQUEST_ID,
                    "content": {"application/json": {"schema": problem}},
                }
            },
        },
    }


def failures(route: Route) -> list[int]:
    """The statuses by which this endpoint refuses."""
    found = {400, 406, *route.errors}
    if route.changes:
        found |= {413, 415}
    if route.auth is Auth.SIGNED_IN:
        found |= {401, 403}
    if route.auth is Auth.SIGNING_IN:
        found.add(403)
    if route.parameters:
        found.add(404)
    if route.rate is not None:
        found.add(429)
    return sorted(found - {route.status, *route.also})


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    summary, _, rest = route.doc.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.subject],
        "summary": " ".join(summary.split()),
        "security": _security(route),
        "responses": _responses(route, schemas),
    }
    if rest:
        operation["description"] = rest
    parameters = [_path_parameter(parameter, schemas) for parameter in route.parameters]
    parameters += _query_parameters(route, schemas)
    if parameters:
        operation["parameters"] = parameters
    if route.body is bytes:
        operation["requestBody"] = {"required": True, "content": {"*/*": {"schema": {}}}}
    elif route.body is not None:
        operation["requestBody"] = {
            "required": any(is_required(field, request=True) for field in attrs.fields(route.body)),
            "content": {"application/json": {"schema": schemas.of(route.body, request=True)}},
        }
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.auth is not Auth.SIGNED_IN:
        return []
    cookie: dict[str, list[str]] = {"session": []}
    return [{"bearer": [scope.value for scope in route.needs]}, cookie | ({"csrf": []} if route.changes else {})]


def _path_parameter(parameter: Parameter, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "path",
        "required": True,
        "schema": schemas.of(parameter.type, request=True),
    }


def _query_parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    hints = get_type_hints(route.query, include_extras=True)
    return [
        {
            "name": wire.camel(field.name),
            "in": "query",
            "required": is_required(field, request=True),
            # A query string cannot say null.
            "schema": schemas.of(hints[field.name], request=False) | default_of(field),
        }
        for field in attrs.fields(route.query)
    ]


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status in (route.status, *route.also):
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "headers": _REQUEST_ID,
            **_content(route, schemas),
        }
    for status in failures(route):
        found[str(status)] = _ERROR
    found["default"] = _ERROR
    return found


def _content(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.answer is None:
        return {}
    if route.answer is Raw:
        return {"content": {route.media_type: {"schema": {}}}}
    return {"content": {"application/json": {"schema": schemas.of(route.answer, request=False)}}}
