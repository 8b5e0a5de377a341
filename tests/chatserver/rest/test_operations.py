"""Health, metrics and the API's own description."""

import jsonschema_rs
from tests.chatserver.api import Api, Team

from chatserver.health import version


async def test_health(api: Api) -> None:
    assert (await api("GET", "/api/health")).data == {"status": "ok", "version": version()}


async def test_readiness_names_every_part(api: Api) -> None:
    ready = await api("GET", "/api/health/ready")
    assert (ready.status, ready.data["status"]) == (200, "ready")
    assert {"storage", "bus", "presence", "plugins"} <= ready.data["checks"].keys()
    assert all(check["ok"] is True for check in ready.data["checks"].values())


async def test_the_document_is_valid_openapi_and_names_itself(api: Api) -> None:
    document = (await api("GET", "/api/openapi.json")).data
    assert document["openapi"].startswith("3.1")
    assert "/api/openapi.json" in document["paths"]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


async def test_metrics_count_answers_by_route(team: Team) -> None:
    await team.say("private words", by=team.member)
    await team.api("GET", "/api/users/me")
    metrics = await team.api("GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'chatcore_http_requests_total{route="sendMessage",status="201"} 1.0' in metrics.text
    assert 'chatcore_http_requests_total{route="getMe",status="401"} 1.0' in metrics.text
    assert "process_resident_memory_bytes" in metrics.text
    assert "private words" not in metrics.text
    assert team.general.id not in metrics.text
