"""What people type."""

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import ValidationFailed
from chatcore.text import (
    clean_channel_name,
    clean_content,
    clean_emoji,
    clean_line,
    clean_slug,
    normalise_email,
)

# Wild text: every code point, lone surrogates and controls included.
WILD = st.text(st.characters() | st.sampled_from("a1 @.-_:\n\0é\u0301\u200b\u202e\ud800👍ß"), max_size=80)
CLEANERS: list[Callable[[str], str]] = [
    normalise_email,
    lambda text: clean_line(text, "displayName", 50),
    clean_content,
    clean_slug,
    clean_channel_name,
    clean_emoji,
]


@pytest.mark.parametrize("clean", CLEANERS)
@given(text=WILD)
def test_clean_text_is_storable_and_stays_as_it_is(clean: Callable[[str], str], text: str) -> None:
    try:
        once = clean(text)
    except ValidationFailed:
        return
    assert clean(once) == once
    assert once.encode("utf-8")
    assert "\x00" not in once
    assert once == unicodedata.normalize("NFC", once)


# --- e-mail --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("ada+chat@example.org", "ada+chat@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("root@localhost", "root@localhost"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("Jose\u0301@example.org", "josé@example.org"),
        ("\u212a@example.org", "k@example.org"),
        ("ada@example\u3002org", "ada@example.org"),
    ],
)
def test_email_in_one_form(typed: str, stored: str) -> None:
    assert normalise_email(typed) == stored


def test_email_keeps_mailboxes_apart_that_mail_servers_keep_apart() -> None:
    assert normalise_email("straße@example.org") != normalise_email("strasse@example.org")
    assert normalise_email("ﬁn@example.org") != normalise_email("fin@example.org")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "a@b@example.org",
        "a da@example.org",
        "ada@exa mple.org",
        "ada@example..org",
        "ada@.org",
        "ada@example.org.",
        "ada@-example.org",
        "ada@exam_ple.org",
        "ada@straße.example",
        "ada@" + "x" * 64 + ".org",
        "a" * 250 + "@example.org",
        "ada\x00@example.org",
        "ada\n@example.org",
        "ada\u200b@example.org",
        "ada\u202e@example.org",
        "ada\ud800@example.org",
        "ada@\udfff.org",
        "ada,bob@example.org",
        "<ada@example.org>",
        '"ada"@example.org',
        "a" * 1_000_000,
    ],
)
def test_email_refused(typed: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        normalise_email(typed)
    assert list(caught.value.details) == ["email"]


# --- names ---------------------------------------------------------------------------------------------------------


def test_line_is_trimmed_and_composed() -> None:
    assert clean_line("  Jose\u0301 ", "displayName", 4) == "José"
    assert clean_line("\u200fאדה", "displayName", 10) == "\u200fאדה"
    assert clean_line("👩‍🚀 Ada", "displayName", 10) == "👩‍🚀 Ada"


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("\u200b\u2060", "empty"),
        ("\u3164", "empty"),
        ("a\nb", "line breaks"),
        ("a\u2028b", "line breaks"),
        ("a\x7fb", "control"),
        ("a\ud83db", "broken"),
        ("admin\u202egnp.exe", "direction"),
        ("x" * 51, "at most 50"),
        ("x" * 1_000_000, "at most 50"),
        ("a" + "\u0301" * 31, "accents"),
    ],
)
def test_line_refused(typed: str, advice: str) -> None:
    with pytest.raises(ValidationFailed, match=advice) as caught:
        clean_line(typed, "displayName", 50)
    assert list(caught.value.details) == ["displayName"]


# --- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["hi", " hi \n\tthere\n", "x" * 4000, "日本" * 2000, "👩‍👩‍👧‍👦", ".", "\u0301a"])
def test_content_is_left_as_it_is(typed: str) -> None:
    assert clean_content(typed) == typed


def test_content_is_counted_after_composing() -> None:
    assert clean_content("e\u0301" * 4000) == "é" * 4000
    with pytest.raises(ValidationFailed, match="4,000"):
        clean_content("\u0958" * 2001)  # composes to two code points


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "\n\t \u3000",
        "\u200d\ufe0f",
        "\u2800",
        "x" * 4001,
        "a\x00b",
        "a\rb",
        "a\x1b[31m",
        "a\x85",
        "\ud800",
        "\udc00é",
    ],
)
def test_content_refused(typed: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        clean_content(typed)
    assert list(caught.value.details) == ["content"]


def test_a_heap_of_accents_costs_nothing() -> None:
    heap = "a" + "\u0315\u0300\u0334" * 20_000
    started = time.perf_counter()
    with pytest.raises(ValidationFailed, match="accents"):
        clean_content(heap)
    assert time.perf_counter() - started < 0.25  # composing it takes over five seconds


# --- slugs, channel names, emoji -----------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["team", "team-42", "4", "x" * 100])
def test_slug(typed: str) -> None:
    assert clean_slug(typed) == typed
    assert clean_channel_name(typed) == typed


def test_channel_name_may_hold_underscores() -> None:
    assert clean_channel_name("dev_ops-1") == "dev_ops-1"
    with pytest.raises(ValidationFailed, match="hyphens only"):
        clean_slug("dev_ops")


@pytest.mark.parametrize("typed", ["", "Team", "a b", "tëam", "a/b", "..", "team\n", "x" * 101, "٣"])
@pytest.mark.parametrize("clean", [clean_slug, clean_channel_name])
def test_slug_refused(clean: Callable[[str], str], typed: str) -> None:
    with pytest.raises(ValidationFailed):
        clean(typed)


@pytest.mark.parametrize(
    "typed",
    ["👍", "👍🏽", "❤️", "❤", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "1️⃣", "🏳️‍🌈", "🤷🏽‍♀️", "✅", "™️", ":+1:", ":slightly_smiling_face:"],
)
def test_emoji(typed: str) -> None:
    assert clean_emoji(typed) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "ok",
        "👍👍",
        "👍 ",
        " 👍",
        "👍\n",
        "::",
        ":Foo:",
        ":a b:",
        "thumbsup",
        "\u200d",
        "\ufe0f",
        "<b>",
        ":" + "x" * 49 + ":",
    ],
)
def test_emoji_refused(typed: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        clean_emoji(typed)
    assert list(caught.value.details) == ["emoji"]
