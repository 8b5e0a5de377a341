"""One PostgreSQL for all tests of a process; some of them restart it."""

from collections.abc import Iterator

import pytest
from tests.services.postgres import Postgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server
