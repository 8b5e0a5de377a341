"""What to do when a connection ends."""

import pytest

from chatcore.client.ending import LONGEST_DELAY, Ended, after, lost, rejected
from chatcore.errors import ChatError


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 4000, 4001, 4002, 4099, 502, 503])
def test_these_ends_are_followed_by_another_attempt(code: int) -> None:
    plan = after(Ended(code), 0)
    assert 0 < plan.delay < 1
    assert not plan.renew


@pytest.mark.parametrize("code", [401, 4401, 4408, 4409])
def test_these_ends_need_another_token(code: int) -> None:
    assert after(Ended(code), 0).renew


@pytest.mark.parametrize("code", [403, 404, 1009, 4400, 4403])
def test_after_these_ends_coming_back_is_of_no_use(code: int) -> None:
    with pytest.raises(ChatError, match="said the server"):
        after(Ended(code, "said the server"), 0)


def test_delays_grow_up_to_a_limit_and_differ() -> None:
    delays = [after(lost("gone"), attempt).delay for attempt in range(12)]
    assert delays[0] < 1
    assert delays[6] > 5
    assert max(delays) <= 1.5 * LONGEST_DELAY
    assert len({after(lost("gone"), 3).delay for _ in range(20)}) > 10


def test_who_is_told_how_long_to_wait_waits_so_long() -> None:
    assert after(Ended(4429, "retryAfter=7"), 0).delay > 7
    delays = [after(Ended(1012, "the server restarts; retryAfter=7"), 0).delay for _ in range(100)]
    assert 7 < min(delays) < 7.5 < 8 < max(delays) < 9
    assert after(rejected(429, {b"Retry-After": b"9"}), 0).delay > 9
