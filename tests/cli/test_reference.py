"""docs/reference/cli.md."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from chatcli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generate: ModuleType) -> None:
    assert generate.PAGE.read_text("utf-8") == generate.page(), "run: python docs/generate_cli.py"


def test_every_command_is_on_it(generate: ModuleType) -> None:
    page = generate.PAGE.read_text("utf-8")
    for name in (*COMMANDS, "user reset-password", "plugins check"):
        assert f"# `chatcore {name}`" in page
