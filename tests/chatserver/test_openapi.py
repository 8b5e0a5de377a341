"""The document and the server say the same, both ways."""

from typing import Any

import orjson
import pytest

from chatcore import Chat
from chatserver.app import create_app
from chatserver.openapi import describe, document
from chatserver.rest import ROUTES


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return describe(ROUTES)


async def test_every_rule_of_the_application_is_documented_and_the_other_way_round(
    chat: Chat, described: dict[str, Any]
) -> None:
    rules = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in create_app(chat).url_map.iter_rules()
        for method in rule.methods or ()
        if rule.endpoint.startswith("chatcore ") and not rule.endpoint.startswith(("chatcore no ", "chatcore OPTIONS"))
    }
    documented = {(method.upper(), path) for path, operations in described["paths"].items() for method in operations}
    assert {(method, path) for method, path in rules if method != "HEAD"} == documented


def test_references_lead_somewhere(described: dict[str, Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                target: Any = described
                for step in value["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
            for child in value.values():
                walk(child)
        elif isinstance(value, list):
            for child in value:
                walk(child)

    walk(described)


def test_requests_refuse_what_they_do_not_know(described: dict[str, Any]) -> None:
    asked = [name for name in described["components"]["schemas"] if name.endswith("Request")]
    assert len(asked) >= 15
    for name in asked:
        assert described["components"]["schemas"][name]["additionalProperties"] is False


def test_the_limits_of_the_specification_are_written_down(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert schemas["SendMessageRequest"]["properties"]["content"]["maxLength"] == 4000
    assert schemas["CreateChannelRequest"]["properties"]["name"]["pattern"] == "^[a-z0-9_-]+$"
    history = described["paths"]["/api/channels/{channelId}/messages"]["get"]
    (limit,) = [parameter for parameter in history["parameters"] if parameter["name"] == "limit"]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    search = described["paths"]["/api/workspaces/{slug}/search"]["get"]
    (words,) = [parameter for parameter in search["parameters"] if parameter["name"] == "q"]
    assert words["required"]
    assert "default" not in words["schema"]


def test_optional_fields_are_absent_in_answers_and_may_be_null_in_requests(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert schemas["ChannelResponse"]["properties"]["description"] == {"type": "string"}
    assert "description" not in schemas["ChannelResponse"]["required"]
    assert {"type": "null"} in schemas["CreateChannelRequest"]["properties"]["description"]["anyOf"]
    assert {"type": "null"} not in schemas["UpdateUserRequest"]["properties"]["displayName"].get("anyOf", [])


def test_who_may_call(described: dict[str, Any]) -> None:
    assert described["paths"]["/api/auth/login"]["post"]["security"] == []
    assert described["paths"]["/api/users/me"]["get"]["security"] == [{"bearer": []}, {"session": []}]
    assert described["paths"]["/api/users/me"]["patch"]["security"] == [
        {"bearer": ["profile:write"]},
        {"session": [], "csrf": []},
    ]


def test_the_document_is_made_once() -> None:
    assert document(ROUTES) is document(ROUTES)
    assert orjson.loads(document(ROUTES)) == describe(ROUTES)
