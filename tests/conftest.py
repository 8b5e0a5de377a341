"""What every test run needs, in one process or in several."""

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio.testing
from tests.services.backend import BACKENDS
from tests.services.postgres import Postgres, running_postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where chats of tests keep what they keep: those of the server's tests, bus included; and all others."""
    parser.addoption(
        "--backend", choices=BACKENDS, default=BACKENDS[0], help="of the chats that tests of the server use"
    )
    parser.addoption(
        "--storage",
        choices=("memory", "postgres"),
        default="memory",
        help="where chats are opened that ask for memory or a file",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long walks read everything after every step: half a minute each on PostgreSQL, where two have to do."""
    if config.getoption("--storage") == "postgres":
        walk = "test_every_client_follows_and_nobody_hears_too_much["
        items[:] = [each for each in items if not each.name.startswith(walk) or each.name[len(walk)] in "01"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that nobody stops, for the tests of this process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Any:
    """Empty databases with the schema."""
    from tests.storages import Databases, make_template

    make_template(postgres)
    return Databases(postgres)


@pytest.fixture(autouse=True)
def _storage(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.getoption("--storage") == "memory":
        yield
        return
    from tests.storages import Stage, be_patient, replace

    stage = Stage(request.getfixturevalue("databases"))
    monkeypatch = request.getfixturevalue("monkeypatch")
    replace(monkeypatch, stage)
    be_patient(monkeypatch)
    folder: Path = request.getfixturevalue("tmp_path")
    monkeypatch.chdir(folder)  # a chat whose database is no file keeps its secret in the folder where it runs
    yield
    stage.close()


@pytest.fixture
def autojump_clock(request: pytest.FixtureRequest) -> trio.testing.MockClock:
    """A clock that jumps when nothing happens; not while everybody waits for a database in another thread."""
    return trio.testing.MockClock(autojump_threshold=0 if request.config.getoption("--storage") == "memory" else 0.2)


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
