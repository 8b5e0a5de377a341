"""Routes are found like the web framework finds them."""

from itertools import product

import pytest
from werkzeug.exceptions import HTTPException

from chatcore import Chat
from chatserver.app import create_app
from chatserver.rest import ROUTES
from chatserver.tree import RouteTree

_WORDS = ("x", "me", "ü", "a b", "", "messages", "..", "%2F")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_is_found_by_its_address(route: object) -> None:
    tree = RouteTree(ROUTES)
    (found,) = [each for each in ROUTES if each is route]
    values = {parameter.name: f"value-of-{parameter.name}" for parameter in found.parameters}
    path = "/".join(values[part[1:]] if part.startswith(":") else part for part in found.path.split("/"))
    assert tree.find(found.method, path) == (found, values)
    assert tree.find(found.method, path + "/") is None
    assert tree.find(found.method, "/" + path) is None
    assert tree.find("BREW", path) is None


async def test_every_address_is_found_as_the_web_framework_finds_it(chat: Chat) -> None:
    tree, adapter = RouteTree(ROUTES), create_app(chat).url_map.bind("chat.example.org")
    by_name = {f"chatcore {route.name}": route for route in ROUTES}
    checked = 0
    for shape in sorted({route.path for route in ROUTES}):
        parts = shape.split("/")
        for words in product(_WORDS, repeat=shape.count(":")):
            given = iter(words)
            path = "/".join(next(given) if part.startswith(":") else part for part in parts)
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                try:
                    endpoint, values = adapter.match(path, method)
                except HTTPException:
                    endpoint, values = "", {}
                expected = (by_name[endpoint], dict(values)) if endpoint in by_name else None
                assert tree.find(method, path) == expected, (method, path)
                checked += 1
    assert checked > 2500
