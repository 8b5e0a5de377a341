"""docs/reference/sdk.md is what the client and the bots say of themselves; and they say something of everything."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_not_old_and_leaves_nothing_unsaid() -> None:
    spec = importlib.util.spec_from_file_location("generate_sdk", DOCS / "generate_sdk.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    page = generate.page()
    assert generate.PAGE.read_text("utf-8") == page, "run: python docs/generate_sdk.py"
    blocks = page.split("\n### ")[1:]
    assert [
        block.splitlines()[0] for block in blocks if not block.partition("\n")[2].partition("\n## ")[0].strip()
    ] == []
    for name in ("client.channels.create", "ws.events", "bot.command", "ctx.ask", "chat.send", "tester.dialog"):
        assert f"{name}(" in page
