"""Readiness follows the parts."""

from pathlib import Path
from typing import Any

import pytest
import trio
from tests.chatserver.api import Api

from chatcore import Chat
from chatserver import health


async def test_a_part_that_is_down_makes_the_server_unready(
    api: Api, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unwell() -> dict[str, Any]:
        return {"ok": False, "storage": {"ok": False, "reason": "locked by /secret/path"}, "bus": {"ok": True}}

    monkeypatch.setattr(chat, "health", unwell)
    answer = await api("GET", "/api/health/ready")
    assert (answer.status, answer.data["status"]) == (503, "unavailable")
    assert answer.data["checks"]["storage"] == {"ok": False}
    assert answer.data["checks"]["bus"] == {"ok": True}
    assert (await api("GET", "/api/health")).status == 200


async def test_a_part_that_does_not_answer_counts_as_down(
    api: Api, chat: Chat, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def silent() -> dict[str, Any]:
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(chat, "health", silent)
    checks = await health.checks(chat)
    assert checks["chat"] == {"ok": False}


async def test_a_disk_that_fills_up_is_told_before_it_is_full(
    chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_places", lambda _: [tmp_path])
    assert (await health.checks(chat))["disk"]["ok"] is True
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 2**62)
    assert (await health.checks(chat))["disk"]["ok"] is False
