"""Passwords into hashes and back."""

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_auth_password.hasher import MAX_PASSWORD, PasswordHasher, prepare
from chatcore.errors import ValidationFailed

CHEAP = PasswordHasher(4)


def test_a_password_proves_itself_and_no_other() -> None:
    stored = CHEAP.hash("correct horse")
    assert CHEAP.verify("correct horse", stored)
    assert not CHEAP.verify("correct horsf", stored)
    assert not CHEAP.verify("Correct horse", stored)
    assert stored != CHEAP.hash("correct horse")


def test_what_is_stored_says_how_it_was_made() -> None:
    assert PasswordHasher(5).hash("correct horse").startswith("hmac-sha256$2b$05$")


def test_every_character_of_a_long_password_counts() -> None:
    long = "x" * (MAX_PASSWORD - 1)
    stored = CHEAP.hash(long + "a")
    assert CHEAP.verify(long + "a", stored)
    assert not CHEAP.verify(long + "b", stored)


def test_no_account_is_never_right() -> None:
    assert not CHEAP.verify("correct horse", None)
    assert not CHEAP.verify("", None)


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The work of each check of bcrypt, in its rounds."""
    costs: list[int] = []
    check = bcrypt.checkpw

    def watched(password: bytes, hashed: bytes) -> bool:
        costs.append(2 ** int(hashed[4:6]))
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    return costs


def test_no_account_costs_a_full_check(costs: list[int]) -> None:
    hasher = PasswordHasher(5)
    stored = hasher.hash("correct horse")
    hasher.verify("wrong horse", stored)
    hasher.verify("correct horse", None)
    hasher.verify("short", stored)
    hasher.verify("nul \x00 horse", stored)
    hasher.verify("correct horse", "not a hash at all")
    assert costs == [2**5] * 5


def test_an_account_of_before_the_cost_was_raised_costs_no_less_than_none(costs: list[int]) -> None:
    hasher = PasswordHasher(8)
    for rounds in (4, 7):
        stored = PasswordHasher(rounds).hash("correct horse")
        assert not hasher.verify("wrong horse", stored)
        assert sum(costs) == 2**8
        costs.clear()
    assert hasher.verify("correct horse", stored)
    assert costs == [2**7], "who knows the password need not wait: it is hashed anew"


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "correct horse",
        "hmac-sha256",
        "hmac-sha256$2b$04$short",
        bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode(),
    ],
    ids=["empty", "plain", "name", "cut short", "plain bcrypt"],
)
def test_what_is_no_hash_of_ours_proves_nothing(stored: str) -> None:
    assert not CHEAP.verify("correct horse", stored)


def test_one_password_however_it_is_typed() -> None:
    stored = CHEAP.hash(prepare("Ångström 10 km"))
    assert CHEAP.verify("A\u030angstro\u0308m 10 km", stored)
    assert CHEAP.verify("Ångström １０ ㎞", stored)


@pytest.mark.parametrize(
    ("password", "advice"),
    [
        ("", "at least 8"),
        ("seven77", "at least 8"),
        ("é" * 7, "at least 8"),
        ("x" * (MAX_PASSWORD + 1), "at most 1,000"),
        ("correct\x00horse", "control"),
        ("correct horse\n", "control"),
        ("correct\x85horse", "control"),
        ("correct\ud800horse", "control"),
    ],
)
def test_not_good_enough(password: str, advice: str) -> None:
    with pytest.raises(ValidationFailed, match=advice) as caught:
        prepare(password)
    assert list(caught.value.details) == ["password"]


@pytest.mark.parametrize("password", ["eight888", " leading and trailing ", "пароль длинный", "🐎🔋📎🐎🔋📎🐎🔋"])
def test_good_enough(password: str) -> None:
    assert CHEAP.verify(password, CHEAP.hash(prepare(password)))


def test_a_changed_cost_is_noticed() -> None:
    stored = CHEAP.hash("correct horse")
    assert not CHEAP.is_outdated(stored)
    assert PasswordHasher(5).is_outdated(stored)
    assert PasswordHasher(5).verify("correct horse", stored)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
def test_wild_input_is_an_answer_never_a_crash(password: str, stored: str) -> None:
    assert CHEAP.verify(password, stored) is False
