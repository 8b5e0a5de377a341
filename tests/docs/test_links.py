"""Links lead somewhere, and whoever begins at docs/README.md comes to every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
START = ROOT / "docs" / "README.md"
# What lies in docs/parts is no page: it is read as part of one below docs/reference.
DOCS = [page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "parts"]
PAGES = [ROOT / "README.md", *DOCS, *sorted((ROOT / "examples").rglob("*.md"))]


def targets(page: Path) -> list[str]:
    """What a page links to beside it, without the place in the page."""
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    assert [target for target in targets(page) if not (page.parent / target).exists()] == []


def test_every_page_is_reachable() -> None:
    reached, waiting = {START}, [START]
    while waiting:
        page = waiting.pop()
        linked = {(page.parent / target).resolve() for target in targets(page) if target.endswith(".md")}
        waiting += linked - reached
        reached |= linked
    assert [str(page.relative_to(ROOT)) for page in DOCS if page not in reached] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    decisions = [page for page in DOCS if page.parent.name == "decisions" and page.name != "README.md"]
    numbers = [int(page.name[:4]) for page in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    headings = [page.read_text("utf-8").split(".", 1)[0] for page in decisions]
    assert headings == [f"# {number}" for number in numbers]
