"""Logs: structured, rotated, never in the way, and without secrets."""

import json
import logging
import threading
from pathlib import Path

import pytest
from tests.chatserver.api import Api, Team

from chatcore import Chat
from chatserver import logs
from chatserver.app import create_app
from chatserver.logs import REQUEST_ID, logging_to


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_line_is_an_object_with_its_request(tmp_path: Path) -> None:
    file = tmp_path / "chat.log"
    with logging_to("info", str(file)):
        token = REQUEST_ID.set("request-7")
        logging.getLogger("chatserver.x").info("something %s", "happened", extra={"ms": 12})
        REQUEST_ID.reset(token)
        logging.getLogger("chat_plugin").warning("elsewhere")
        logging.getLogger("chatserver.x").debug("too small")
    first, second = lines(file)
    assert {key: first[key] for key in ("level", "logger", "message", "requestId", "ms")} == {
        "level": "INFO",
        "logger": "chatserver.x",
        "message": "something happened",
        "requestId": "request-7",
        "ms": 12,
    }
    assert str(first["time"]).endswith(("Z", "+00:00"))
    assert "requestId" not in second


def test_a_failure_has_its_traceback(tmp_path: Path) -> None:
    file = tmp_path / "chat.log"
    with logging_to("info", str(file)):
        try:
            raise ZeroDivisionError("by nothing")
        except ZeroDivisionError:
            logging.getLogger("chatserver").exception("broke")
    (line,) = lines(file)
    assert "ZeroDivisionError: by nothing" in str(line["trace"])


def test_half_a_surrogate_pair_is_no_failure(tmp_path: Path) -> None:
    file = tmp_path / "chat.log"
    with logging_to("info", str(file)):
        logging.getLogger("chatserver").info("file %s", "\ud800")
    assert len(lines(file)) == 1


def test_files_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2000)
    file = tmp_path / "chat.log"
    with logging_to("info", str(file)):
        for number in range(200):
            logging.getLogger("chatserver").info("line %d", number)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["chat.log", *(f"chat.log.{number}" for number in range(1, 6))]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())


def test_a_disk_that_stands_still_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_WAITING", 10)
    go_on = threading.Event()

    class Stuck(logging.FileHandler):
        def emit(self, record: logging.LogRecord) -> None:
            go_on.wait(10)
            super().emit(record)

    def stuck(file: str | None) -> logging.Handler:
        handler = Stuck(str(file))
        handler.setFormatter(logs._JsonLines())
        return handler

    monkeypatch.setattr(logs, "_writer", stuck)
    file = tmp_path / "chat.log"
    with logging_to("info", str(file)):
        for number in range(100):
            logging.getLogger("chatserver").info("line %d", number)
        go_on.set()
        while not file.exists() or len(file.read_text().splitlines()) < 10:
            threading.Event().wait(0.01)
        logging.getLogger("chatserver").info("last")
    found = lines(file)
    assert found[-1]["message"] == "last"
    assert len(found) + sum(int(str(line.get("lostLines", 0))) for line in found) == 101
    assert len(found) <= 13


async def test_nothing_secret_reaches_the_log(team: Team, chat: Chat, tmp_path: Path) -> None:
    file = tmp_path / "chat.log"
    secrets = {"hunter2 hunter2", "the launch code is 0000", team.member.token}
    with logging_to("debug", str(file)):
        api: Api = team.api
        await api("POST", "/api/auth/login", {"email": "member@example.org", "password": "hunter2 hunter2"})
        body = {"email": "m@example.org", "password": "hunter2 hunter2", "firstName": "M", "lastName": "N"}
        made = await api("POST", "/api/auth/register", body)
        secrets |= {made.data["accessToken"], made.data["refreshToken"]}
        await api("POST", "/api/auth/refresh", {"refreshToken": made.data["refreshToken"]})
        sent = await team.say("the launch code is 0000", by=team.member)
        await api("PUT", f"/api/messages/{sent['id']}", {"content": "the launch code is 0000!"}, by=team.member)
        await api("GET", "/api/workspaces/team/search?q=launch%20code", by=team.member)
        chat.messages = None  # type: ignore[assignment]
        client = create_app(chat).test_client()
        broken = await client.put(
            f"/api/messages/{sent['id']}",
            json={"content": "the launch code is 0000"},
            headers={"Authorization": f"Bearer {team.member.token}"},
        )
        assert broken.status_code == 500
    text = file.read_text("utf-8")
    assert "request failed" in text
    for secret in secrets:
        assert secret not in text
