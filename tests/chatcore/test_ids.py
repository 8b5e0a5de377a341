"""Identifiers: canonical, of version 7, and different."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from chatcore.ids import ID_TYPES, IdSource, is_id, uuid7

times = st.integers(min_value=0, max_value=2**48 - 1)


@given(times)
def test_a_new_id_is_a_canonical_uuid_of_version_7(unix_ms: int) -> None:
    text = uuid7(unix_ms)
    parsed = uuid.UUID(text)
    assert is_id(text)
    assert (str(parsed), parsed.version, parsed.variant) == (text, 7, uuid.RFC_4122)
    assert parsed.int >> 80 == unix_ms, "the time stands in the first 48 bits"


@given(times, st.binary(min_size=10, max_size=10))
def test_all_74_bits_of_the_tail_are_used_and_nothing_else(unix_ms: int, tail: bytes) -> None:
    value = uuid.UUID(uuid7(unix_ms, tail)).int
    random_a, random_b = (value >> 64) & 0xFFF, value & (2**62 - 1)
    given = int.from_bytes(tail)
    # 12 bits, then 2 unused ones (the variant takes their place), then 62; 4 bits are left over.
    assert random_a == given >> 68
    assert random_b == (given >> 4) & (2**62 - 1)
    assert uuid7(unix_ms, tail) == uuid7(unix_ms, tail)


def test_a_time_before_1970_or_far_away_still_gives_an_id() -> None:
    for unix_ms in (-1, 2**48, 2**80):
        assert is_id(uuid7(unix_ms))


def test_ids_sort_by_their_time() -> None:
    ids = [uuid7(unix_ms) for unix_ms in range(1_700_000_000_000, 1_700_000_000_500)]
    assert ids == sorted(ids)


def test_ids_of_one_moment_differ() -> None:
    source = IdSource()
    ids = [source.new(1_700_000_000_000) for _ in range(IdSource.BLOCK)] + [uuid7(0) for _ in range(1000)]
    assert len(set(ids)) == len(ids), "also across the blocks of randomness"
    assert all(map(is_id, ids))


def test_two_sources_do_not_repeat_each_other() -> None:
    one, two = IdSource(), IdSource()
    assert not {one.new(5) for _ in range(1000)} & {two.new(5) for _ in range(1000)}


@given(
    st.text() | st.uuids().map(str).flatmap(lambda text: st.sampled_from([text.upper(), "{" + text + "}", text + "\n"]))
)
def test_only_canonical_text_is_an_id(text: str) -> None:
    try:
        canonical = str(uuid.UUID(text)) == text
    except ValueError:
        canonical = False
    assert is_id(text) is canonical


@given(st.uuids())
def test_uuids_of_any_version_are_ids(value: uuid.UUID) -> None:
    assert is_id(str(value))


def test_digits_of_other_scripts_are_none() -> None:
    assert not is_id("٣" * 8 + "-0000-7000-8000-000000000000")


def test_every_kind_of_id_is_listed_once() -> None:
    assert len({each.__name__ for each in ID_TYPES}) == len(ID_TYPES)
    assert all(each.__supertype__ is str for each in ID_TYPES)
