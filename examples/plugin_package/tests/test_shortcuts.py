from typing import Any

import pytest


@pytest.mark.trio
async def test_shortcuts_are_written_out(chat_kit: Any) -> None:
    async with chat_kit(settings={"chat_shortcuts": {"shortcuts": {"hi": "Good morning"}}}) as kit:
        await kit.say("ada", ":hi:, everybody :smile:")
        assert await kit.history() == ["Good morning, everybody :smile:"]
