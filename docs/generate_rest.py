"""Writes docs/reference/rest.md from the route table; a test says when it is old."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatcore import Config
from chatserver.edge import BODY_SECONDS
from chatserver.openapi import describe, failures
from chatserver.ratelimit import RULES
from chatserver.rest import ROUTES
from chatserver.route import Auth, Route

HERE = Path(__file__).parent
PAGE = HERE / "reference" / "rest.md"

WORDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
}


def page() -> str:
    """The whole page."""
    introduction = (HERE / "parts" / "rest.md").read_text("utf-8")
    filled = introduction.format(
        body=f"{Config().max_body_size // 1024:,}", seconds=f"{BODY_SECONDS:g}", rates="\n".join(_rates())
    )
    document = describe(ROUTES)
    return "\n".join([filled, *_endpoints(document), *_types(document)])


def _rates() -> Iterator[str]:
    for name, rule in RULES.items():
        yield f"| `{name}` | {rule.requests:,} | {rule.window // 60} min | {rule.per} |"


def _endpoints(document: dict[str, Any]) -> Iterator[str]:
    subject = ""
    for route in ROUTES:
        if route.subject != subject:
            subject = route.subject
            yield f"## {subject.capitalize()}\n"
        operation = document["paths"][route.template][route.method.lower()]
        yield f"### {route.method} {route.path}\n\n{route.doc}\n"
        yield from _facts(route)
        if "requestBody" in operation:
            yield f"Body: {_type(operation['requestBody']['content']['application/json']['schema'])}\n"
        yield from _query(operation)
        yield f"Answers {'; '.join(_answers(route, operation))}.\n"


def _facts(route: Route) -> Iterator[str]:
    facts = []
    if route.auth is not Auth.SIGNED_IN:
        facts.append("open to all")
    if route.needs:
        facts.append("scope " + " and ".join(f"`{scope}`" for scope in route.needs))
    if route.rate not in (None, "default"):
        facts.append(f"rate limit `{route.rate}`")
    if facts:
        yield f"*{'; '.join(facts).capitalize()}.*\n"


def _query(operation: dict[str, Any]) -> Iterator[str]:
    parameters = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    if parameters:
        yield "| query | type | |\n|---|---|---|"
        for each in parameters:
            needed = "required" if each["required"] else "optional"
            yield f"| `{each['name']}` | {_type(each['schema'])} | {needed} |"
        yield ""


def _answers(route: Route, operation: dict[str, Any]) -> Iterator[str]:
    for status in (route.status, *route.also):
        content = operation["responses"][str(status)].get("content", {})
        kinds = [_type(media["schema"]) if media["schema"] else kind for kind, media in content.items()]
        yield " ".join([f"`{status}`", *kinds])
    yield "refuses by " + ", ".join(f"`{status}`" for status in failures(route))


def _types(document: dict[str, Any]) -> Iterator[str]:
    yield "## Types\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name}\n"
        if "description" in schema:
            yield f"{schema['description']}\n"
        yield "| field | type | |\n|---|---|---|"
        for field, hint in schema["properties"].items():
            needed = "" if field in schema.get("required", ()) else "optional"
            yield f"| `{field}` | {_type(hint)} | {needed} |"
        yield ""


def _type(schema: dict[str, Any]) -> str:
    """A type in words; other classes are links to their own section."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"]) + _default(schema)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}{_span(schema, 'minItems', 'maxItems')}"
    if schema.get("format") in ("uuid", "date-time"):
        return {"uuid": "id", "date-time": "time"}[schema["format"]]
    limits = _span(schema, "minLength", "maxLength") + _span(schema, "minimum", "maximum")
    return WORDS.get(schema.get("type", ""), "any") + limits + _default(schema)


def _span(schema: dict[str, Any], least: str, most: str) -> str:
    return f", {schema[least]:,} to {schema[most]:,}" if most in schema else ""


def _default(schema: dict[str, Any]) -> str:
    return f" (`{schema['default']}` unless said)" if "default" in schema else ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
