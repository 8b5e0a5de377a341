"""Settings, parsed once: flags win over environment over `chat.toml`. See docs/reference/configuration.md."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from chatcore.errors import ConfigError

_MIB = 1024 * 1024


@attrs.frozen(kw_only=True)
class Config:
    """Every setting with its default. The environment variable of a field is in its metadata; in `chat.toml` it is the field's name."""

    database_url: str = attrs.field(default="sqlite:///chat.db", metadata={"env": "DATABASE_URL"})
    database_pool_size: int = attrs.field(default=10, metadata={"env": "DATABASE_POOL_SIZE", "min": 1, "max": 500})
    redis_url: str | None = attrs.field(default=None, metadata={"env": "REDIS_URL"})
    secret: str | None = attrs.field(default=None, metadata={"env": "CHATCORE_SECRET"}, repr=False)
    secret_file: str | None = attrs.field(default=None, metadata={"env": "CHATCORE_SECRET_FILE"})
    upload_dir: str = attrs.field(default="./uploads", metadata={"env": "UPLOAD_DIR"})
    max_file_size: int = attrs.field(default=10 * _MIB, metadata={"env": "MAX_FILE_SIZE", "min": 1, "max": 50 * _MIB})
    allowed_origins: tuple[str, ...] = attrs.field(default=(), metadata={"env": "ALLOWED_ORIGINS"})
    trusted_proxies: tuple[str, ...] = attrs.field(default=(), metadata={"env": "TRUSTED_PROXIES"})
    turn_server_url: str | None = attrs.field(default=None, metadata={"env": "TURN_SERVER_URL"})
    turn_secret: str | None = attrs.field(default=None, metadata={"env": "TURN_SECRET"}, repr=False)
    stun_server_url: str | None = attrs.field(default=None, metadata={"env": "STUN_SERVER_URL"})
    log_level: str = attrs.field(
        default="info", metadata={"env": "LOG_LEVEL", "choices": ("debug", "info", "warning", "error")}
    )
    log_file: str | None = attrs.field(default=None, metadata={"env": "LOG_FILE"})
    plugins: tuple[str, ...] = attrs.field(default=(), metadata={"env": "CHATCORE_PLUGINS"})
    registration: str = attrs.field(
        default="open", metadata={"env": "REGISTRATION", "choices": ("open", "invite", "closed")}
    )
    rate_limits: str | Mapping[str, Any] = attrs.field(default="default", metadata={"env": "RATE_LIMITS"})
    bcrypt_rounds: int = attrs.field(default=12, metadata={"env": "BCRYPT_ROUNDS", "min": 12, "max": 18})
    slow_query_ms: int = attrs.field(default=100, metadata={"env": "SLOW_QUERY_MS", "min": 1, "max": 60_000})
    plugin_settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, metadata={"table": "plugin"})
