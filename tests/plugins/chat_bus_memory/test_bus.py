"""The bus of a single process."""

import logging
from contextlib import AbstractAsyncContextManager

import pytest
import trio

from chat_bus_memory import open_bus, register_providers
from chatcore.config import Config
from chatcore.ports import Bus, ProviderContext
from chatcore.testing.bus import BusContract, Inbox, envelope
from chatcore.testing.clock import FakeClock

CONTEXT = ProviderContext(config=Config(), clock=FakeClock(), data_dir=None)


class TestMemoryBus(BusContract):
    """It keeps every promise."""

    def open_bus(self) -> AbstractAsyncContextManager[Bus]:
        return open_bus(CONTEXT)


def test_it_is_chosen_by_the_scheme_memory() -> None:
    (provider,) = register_providers()
    assert (provider.kind, provider.name, provider.schemes) == ("bus", "memory", ("memory",))


async def test_a_failure_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    async with open_bus(CONTEXT) as bus:
        with bus.subscribe(lambda _: 1 / 0):
            bus.publish([envelope(1)])
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("chatcore.bus.memory", logging.ERROR)
    assert "ZeroDivisionError" in caplog.text


async def test_cancellation_passes_and_the_bus_goes_on() -> None:
    async with open_bus(CONTEXT) as bus:

        def interrupt(_: object) -> None:
            raise KeyboardInterrupt

        inbox = Inbox()
        with bus.subscribe(interrupt), pytest.raises(KeyboardInterrupt):
            bus.publish([envelope(1)])
        with bus.subscribe(inbox):
            bus.publish([envelope(2)])
        assert inbox.seqs == [2]


async def test_two_buses_know_nothing_of_each_other() -> None:
    async with open_bus(CONTEXT) as one, open_bus(CONTEXT) as other:
        inbox = Inbox()
        with one.subscribe(inbox):
            other.publish([envelope(1)])
            await trio.lowlevel.checkpoint()
        assert inbox.seqs == []
