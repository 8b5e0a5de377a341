"""The pytest plugin of this package: it is loaded in every test run of every program that has Chatcore installed.

So nothing is imported here but pytest; each fixture imports what it needs when a test asks for it.
"""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from chatcore.testing.clock import FakeClock


def pytest_configure(config: pytest.Config) -> None:
    """Let failures inside the contract suites show their values."""
    pytest.register_assert_rewrite("chatcore.testing")


@pytest.fixture
def chat_kit() -> Any:
    """Opens a chat in memory with people and rooms; see `chatcore.testing.kit.open_kit` for the arguments.

    async with chat_kit(plugins=["nospam.py"]) as kit:
        await kit.say("ada", "hello")
    """
    from chatcore.testing.kit import open_kit

    return open_kit


@pytest.fixture
def bot_tester() -> Any:
    """Holds conversations with a bot in a chat in memory; see `chatcore.testing.bots.bot_tester`.

    await bot_tester(bot).dialog(["ada: !roll 20", "dice: 1..20"])
    """
    from chatcore.testing.bots import bot_tester as make

    return make


@pytest.fixture
def fake_clock() -> "FakeClock":
    """A wall clock that follows Trio's (with `autojump_clock` it jumps) and can be set: `open_chat(clock=...)`."""
    from chatcore.testing.clock import FakeClock

    return FakeClock()
