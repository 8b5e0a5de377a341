"""What monitoring, deployment and ticket systems send to Slack."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_webhooks_in.slack import text_of
from chatcore.model.message import MAX_CONTENT

CASES = json.loads((Path(__file__).parent / "payloads.json").read_text("utf-8"))


@pytest.mark.parametrize(("payload", "text"), [(case["payload"], case["text"]) for case in CASES])
def test_payloads(payload: dict[str, Any], text: str) -> None:
    assert text_of(payload) == text


def test_a_long_one_is_cut() -> None:
    assert len(text_of({"text": "x" * 5000})) == MAX_CONTENT


KEYS = ["type", "text", "elements", "fields", "blocks", "url", "style", "title"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["text", "blocks", "attachments"]), JSON))
def test_nonsense_is_no_crash(payload: dict[str, Any]) -> None:
    assert len(text_of(payload)) <= MAX_CONTENT
