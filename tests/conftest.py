"""What every test run needs, in one process or in several."""

import gc
import signal
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import trio.testing
from tests.services.postgres import Postgres, running_postgres

BACKENDS = ("memory", "postgres", "redis")
"""SQLite, alone; PostgreSQL, and its own bus; PostgreSQL with Redis."""
WALKS = {
    "test_every_client_follows_and_nobody_hears_too_much": ("0", "1"),
    "test_clients_that_come_and_go_get_each_event_once_in_order": ("False-0", "True-1"),
}
"""Tests -> those of their parameters that are tried with every backend; the others only with SQLite."""
PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where chats of tests keep what they keep, and what carries events between them."""
    parser.addoption(
        "--backend", choices=BACKENDS, default=BACKENDS[0], help="of chats that are opened in memory or in a file"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With another backend: without the tests that bring a database of their own.

    And without most of the long walks, which read everything after every step, or begin again and again: half a minute
    each on PostgreSQL, where two have to do.
    """
    if config.getoption("--backend") == "memory":
        return
    left_out = [each for each in items if each.get_closest_marker("own_storage") or _is_another_walk(each)]
    items[:] = [each for each in items if each not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage less often, and not among what is there to stay: it took two fifths of small tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _is_another_walk(item: pytest.Item) -> bool:
    name, _, parameters = item.name.rstrip("]").partition("[")
    return parameters not in WALKS.get(name, (parameters,))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that nobody stops, for the tests of this process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What `--backend` names; None for memory."""
    name = request.config.getoption("--backend")
    if name == "memory":
        yield None
        return
    from tests.services.backend import running_backend

    with running_backend(name) as running:
        yield running


@pytest.fixture(autouse=True)
def stage(request: pytest.FixtureRequest, backend: Any) -> Iterator[Any]:
    """Where chats of this test are opened instead; None for memory."""
    if backend is None:
        yield None
        return
    from tests.stage import Stage, be_patient, replace

    stage = Stage(backend)
    monkeypatch = request.getfixturevalue("monkeypatch")
    replace(monkeypatch, stage)
    be_patient(monkeypatch)
    yield stage
    stage.close(whole=request.node.stash.get(PASSED, False))


@pytest.fixture
def autojump_clock(request: pytest.FixtureRequest) -> trio.testing.MockClock:
    """A clock that jumps when nothing happens; not while everybody waits for a database in another thread."""
    return trio.testing.MockClock(autojump_threshold=0 if request.config.getoption("--backend") == "memory" else 0.1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests passed."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


def pytest_configure() -> None:
    """Where a run is started in the background, SIGINT is ignored, and would be by all that its tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """What a test wrote may hold lone surrogates; a worker's report travels as UTF-8, and would end the run."""
    return _encodable((yield))


def _encodable(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(data, dict):
        return {key: _encodable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_encodable(item) for item in data)
    return data
