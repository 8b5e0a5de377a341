"""Rules whose builders wait until they are asked for."""

import pytest
from werkzeug.routing import BuildError

from chatcore import Chat
from chatserver.app import create_app


async def test_addresses_can_be_built_all_the_same(chat: Chat) -> None:
    adapter = create_app(chat).url_map.bind("chat.example.org")
    assert adapter.build("chatcore getWorkspace", {"slug": "team"}) == "/api/workspaces/team"
    assert adapter.build("chatcore getWorkspace", {"slug": "ü", "view": "a b"}) == "/api/workspaces/%C3%BC?view=a+b"
    with pytest.raises(BuildError):
        adapter.build("chatcore getWorkspace", {})


async def test_nothing_is_compiled_before(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(
        "werkzeug.routing.rules.Rule._compile_builder", lambda rule, _: compiled.append(rule.rule) or (lambda self: ())
    )
    adapter = create_app(chat).url_map.bind("chat.example.org")
    assert compiled == []
    assert adapter.match("/api/workspaces/team", "GET")[1] == {"slug": "team"}
    assert compiled == []
