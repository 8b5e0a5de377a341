"""Servers in processes of their own are told of the backend by their environment, as an operator would."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _environ(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if stage is not None:
        settings = stage.backend.settings(stage.take())
        for name, variable in (("database_url", "DATABASE_URL"), ("redis_url", "REDIS_URL")):
            if name in settings:
                monkeypatch.setenv(variable, settings[name])
