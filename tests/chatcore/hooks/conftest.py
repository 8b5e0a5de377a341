"""Hooks without installed plugins, and something to send through them."""

from collections.abc import Callable
from typing import Any

import pytest

from chatcore.config import Config
from chatcore.hooks import Hooks
from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId
from chatcore.model import Draft

MakeHooks = Callable[..., Hooks]


@pytest.fixture
def make_hooks() -> MakeHooks:
    def make(*plugins: Any, **settings: Any) -> Hooks:
        return Hooks(Config(**settings), plugins, use_installed=False)

    return make


@pytest.fixture
def draft() -> Draft:
    return Draft(
        id=MessageId("00000000-0000-7000-8000-000000000001"),
        workspace_id=WorkspaceId("00000000-0000-7000-8000-000000000002"),
        channel_id=ChannelId("00000000-0000-7000-8000-000000000003"),
        author_id=UserId("00000000-0000-7000-8000-000000000004"),
        content="hello",
    )
