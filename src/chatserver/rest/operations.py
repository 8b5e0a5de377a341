"""For those who run the server: health, metrics, and the description of this API."""

from collections.abc import Mapping
from typing import Any

import attrs

from chatserver import health
from chatserver.openapi import document
from chatserver.parts import Call
from chatserver.route import Auth, Raw, route


@attrs.frozen(kw_only=True)
class HealthResponse:
    """`status` is `ok`."""

    status: str
    version: str


@attrs.frozen(kw_only=True)
class ReadyResponse:
    """`status` is `ready`, or `unavailable` (with 503) when a part is down; `checks` says which."""

    status: str
    checks: Mapping[str, Any]


async def get_health(call: Call) -> HealthResponse:
    """Whether the process answers at all; cheap."""
    return HealthResponse(status="ok", version=health.version())


async def get_readiness(call: Call) -> ReadyResponse:
    """Whether every part works: storage, bus, presence, plugins, disk space."""
    checks = await health.checks(call.chat, call.parts.watched)
    ready = all(check["ok"] for check in checks.values())
    call.status = 200 if ready else 503
    return ReadyResponse(status="ready" if ready else "unavailable", checks=checks)


async def get_openapi(call: Call) -> Raw:
    """This API as an OpenAPI 3.1 document."""
    return Raw(document(call.parts.routes), "application/json")


async def get_metrics(call: Call) -> Raw:
    """Counters in the text format of Prometheus. They name no person and no channel; keep them inside by the proxy."""
    return Raw(*call.parts.meter.exposition())


ROUTES = (
    route("GET", "/api/health", get_health, auth=Auth.NOBODY, rate=None),
    route("GET", "/api/health/ready", get_readiness, auth=Auth.NOBODY, also=(503,)),
    route("GET", "/api/openapi.json", get_openapi, auth=Auth.NOBODY),
    route("GET", "/metrics", get_metrics, auth=Auth.NOBODY, media_type="text/plain"),
)
