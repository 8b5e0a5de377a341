"""docs/reference/rest.md is what the route table says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from chatserver.rest import ROUTES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_rest", DOCS / "generate_rest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_old(generate: ModuleType) -> None:
    assert generate.PAGE.read_text("utf-8") == generate.page(), "run: python docs/generate_rest.py"


def test_every_endpoint_and_every_link_has_its_section() -> None:
    page = (DOCS / "reference" / "rest.md").read_text("utf-8")
    sections = set(re.findall(r"^### (.+)$", page, re.MULTILINE))
    assert {f"{route.method} {route.path}" for route in ROUTES} <= sections
    for target in re.findall(r"\]\(#([a-z]+)\)", page):
        assert target in {section.lower() for section in sections}
