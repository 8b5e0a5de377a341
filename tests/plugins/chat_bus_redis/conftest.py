"""One Redis for all tests of a process."""

from collections.abc import Iterator

import pytest
from tests.services.redis import Redis, running_redis


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A server that nobody stops."""
    with running_redis() as server:
        yield server
