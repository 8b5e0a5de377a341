"""A chat, its application, and people in it."""

from collections.abc import AsyncIterator

import pytest
from tests.chatserver.api import Api, Document, Team, make_team

from chatcore import Chat, Config, open_chat
from chatserver.app import create_app


@pytest.fixture(scope="session")
def document() -> Document:
    return Document()


@pytest.fixture
def config() -> Config:
    """Settings for this test; a test file may have its own."""
    return Config(database_url="memory:", bcrypt_rounds=4, rate_limits="off")


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
