"""docs/reference/rest.md and scopes.md are what the route table, the frames and the events say."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from chatserver.rest import ROUTES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module", params=["generate_rest", "generate_scopes"])
def generate(request: pytest.FixtureRequest) -> ModuleType:
    spec = importlib.util.spec_from_file_location(request.param, DOCS / f"{request.param}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_old(generate: ModuleType) -> None:
    assert generate.PAGE.read_text("utf-8") == generate.page(), f"run: python docs/{generate.__name__}.py"


def test_every_endpoint_and_every_link_has_its_section() -> None:
    page = (DOCS / "reference" / "rest.md").read_text("utf-8")
    sections = set(re.findall(r"^### (.+)$", page, re.MULTILINE))
    assert {f"{route.method} {route.path}" for route in ROUTES} <= sections
    for target in re.findall(r"\]\(#([a-z]+)\)", page):
        assert target in {section.lower() for section in sections}
