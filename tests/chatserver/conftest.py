"""A chat, its application, and people in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.chatserver.api import Api, Document, Team, make_team
from tests.services.backend import Backend, running_backend

from chatcore import Chat, Config, open_chat
from chatserver.app import create_app


@pytest.fixture(scope="session")
def document() -> Document:
    return Document()


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """What `--backend` names."""
    with running_backend(request.config.getoption("--backend")) as backend:
        yield backend


@pytest.fixture
def config(backend: Backend) -> Iterator[Config]:
    """Settings for this test; a test file may have its own."""
    yield Config(**backend.settings, bcrypt_rounds=4, rate_limits="off")
    backend.wipe()


@pytest.fixture
async def chat(config: Config) -> AsyncIterator[Chat]:
    async with open_chat(config=config) as chat:
        yield chat


@pytest.fixture
def api(chat: Chat, document: Document) -> Api:
    return Api(chat, create_app(chat), document)


@pytest.fixture
async def team(api: Api) -> Team:
    return await make_team(api)
