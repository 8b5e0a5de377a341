"""A server in this process."""

from collections.abc import AsyncIterator

import pytest
from tests.chatcore.client.house import House, house

from chatcore.client import ending


@pytest.fixture
async def home(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A server with Ada and Ben. Delays between connections are short, and not what is tested."""
    monkeypatch.setattr(ending, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(ending, "LONGEST_DELAY", 0.02)
    async with house() as opened:
        yield opened
