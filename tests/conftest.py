"""What every test run needs, in one process or in several."""

import signal
from collections.abc import Generator
from typing import Any

import pytest
from tests.services.backend import BACKENDS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the chats of the server's tests keep what they keep."""
    parser.addoption(
        "--backend", choices=BACKENDS, default=BACKENDS[0], help="of the chats that tests of the server use"
    )


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
