"""The file of sign-ins."""

import stat
from pathlib import Path

import attrs
import pytest
import trio

from chatcli.problem import Failure
from chatcli.remote.credentials import Account, Credentials, default_path

ADA = Account(url="http://one", email="ada@example.org", access_token="a1", refresh_token="r1")
BOB = Account(url="http://one", email="bob@example.org", access_token="a2", refresh_token="r2")
ADA_ELSEWHERE = attrs.evolve(ADA, url="http://two")


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "config" / "chatcore" / "credentials.json")


def test_the_file_is_for_its_owner_alone(credentials: Credentials) -> None:
    credentials.put(ADA)
    assert stat.S_IMODE(credentials.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials.path.parent.stat().st_mode) == 0o700
    credentials.put(BOB)
    assert stat.S_IMODE(credentials.path.stat().st_mode) == 0o600
    assert [path.name for path in credentials.path.parent.iterdir()] == ["credentials.json"]


def test_it_lies_in_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".config/chatcore/credentials.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    assert default_path() == tmp_path / "elsewhere/chatcore/credentials.json"


def test_the_newest_sign_in_is_found_first_and_each_by_name(credentials: Credentials) -> None:
    assert credentials.find(None, None) is None
    for account in (ADA, ADA_ELSEWHERE, BOB):
        credentials.put(account, first=True)
    assert credentials.find(None, None) == BOB
    assert credentials.find("http://two", None) == ADA_ELSEWHERE
    assert credentials.find("http://one", "ada@example.org") == ADA
    assert credentials.find("http://two", "bob@example.org") is None


def test_renewed_tokens_take_the_place_of_the_old_ones(credentials: Credentials) -> None:
    credentials.put(ADA, first=True)
    credentials.put(BOB, first=True)
    renewed = attrs.evolve(ADA, access_token="a9", refresh_token="r9")
    credentials.put(renewed)
    assert credentials.accounts() == [BOB, renewed]
    credentials.remove(BOB)
    assert credentials.accounts() == [renewed]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"accounts": [{}]}', "\x00"])
def test_a_damaged_file_is_said_to_be_one(credentials: Credentials, content: str) -> None:
    credentials.path.parent.mkdir(parents=True)
    credentials.path.write_text(content)
    with pytest.raises(Failure, match="sign in again"):
        credentials.find(None, None)


def test_tokens_are_not_shown_by_accident() -> None:
    assert "a1" not in repr(ADA)
    assert "r1" not in repr(ADA)


async def test_the_lock_is_held_by_one_at_a_time(credentials: Credentials) -> None:
    inside = 0
    most = 0

    async def hold() -> None:
        nonlocal inside, most
        async with credentials.locked():
            inside += 1
            most = max(most, inside)
            await trio.sleep(0.02)
            inside -= 1

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(hold)
    assert most == 1


async def test_waiting_for_the_lock_can_be_cancelled(credentials: Credentials) -> None:
    async with credentials.locked():
        with trio.move_on_after(0.2) as scope:
            async with credentials.locked():
                pass
    assert scope.cancelled_caught
