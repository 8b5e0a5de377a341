"""Settings, parsed once: flags win over environment over `chat.toml`. See docs/reference/configuration.md.

A mistake is told in one line that names the key and where it stands. Values are never repeated: they may be secrets.
"""

import difflib
import re
import tomllib
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from chatcore.errors import ConfigError

_MIB = 1024 * 1024


def _without_password(url: str | None) -> str:
    """A URL as logs may show it."""
    return repr(url if url is None else re.sub(r"(?<=//)[^/]*@", "***@", url))


@attrs.frozen(kw_only=True)
class Config:
    """Every setting with its default. Its environment variable is in its metadata; `chat.toml` has the field's name."""

    database_url: str = attrs.field(
        default="sqlite:///chat.db", metadata={"env": "DATABASE_URL"}, repr=_without_password
    )
    database_pool_size: int = attrs.field(default=10, metadata={"env": "DATABASE_POOL_SIZE", "min": 1, "max": 500})
    redis_url: str | None = attrs.field(default=None, metadata={"env": "REDIS_URL"}, repr=_without_password)
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
    hook_deadline_ms: int = attrs.field(
        default=2000, metadata={"env": "CHATCORE_HOOK_DEADLINE_MS", "min": 1, "max": 60_000}
    )
    registration: str = attrs.field(
        default="open", metadata={"env": "REGISTRATION", "choices": ("open", "invite", "closed")}
    )
    rate_limits: str | Mapping[str, Any] = attrs.field(default="default", metadata={"env": "RATE_LIMITS"})
    bcrypt_rounds: int = attrs.field(default=12, metadata={"env": "BCRYPT_ROUNDS", "min": 12, "max": 18})
    slow_query_ms: int = attrs.field(default=100, metadata={"env": "SLOW_QUERY_MS", "min": 1, "max": 60_000})
    plugin_settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)


def load(*, file: Path | None = None, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Config:
    """The settings of this start.

    `flags` are by field name; None means not given, and its `plugins` are added to those configured elsewhere. An
    empty variable counts as not set. Raises ConfigError for an unknown key of the file, an unknown flag, an unknown
    `CHATCORE_*` variable, and a bad value.
    """
    values = _from_file(file) if file is not None else {}
    values |= _from_environment(environ)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for name, value in given.items():
        checked = _checked(name, _as_flag(value), "--" + name.replace("_", "-"))
        values[name] = (*values.get("plugins", ()), *checked) if name == "plugins" else checked
    return Config(**values)


# --- where settings come from ----------------------------------------------------------------------------------------


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: is not valid TOML: {error}") from error
    values: dict[str, Any] = {}
    for key, value in data.items():
        where = f"{file}{_line_of(key, text)}: {shown(key)}"
        if key == "plugin":
            values["plugin_settings"] = _plugin_tables(value, where)
        elif key not in FIELDS:
            raise ConfigError(f"{where}: unknown setting{_did_you_mean(key, FIELDS)}")
        else:
            values[key] = _checked(key, value, where)
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {field.metadata["env"]: field.name for field in FIELDS.values()}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if variable not in names:
            if variable.startswith("CHATCORE_"):
                raise ConfigError(f"environment: {shown(variable)}: unknown variable{_did_you_mean(variable, names)}")
        elif text:
            where = f"environment: {variable}"
            values[names[variable]] = _checked(names[variable], _from_text(text, _TYPES[names[variable]]), where)
    return values


def _from_text(text: str, hint: Any) -> Any:
    """A variable's text as the plain data of its type; what does not fit is left for the check to refuse."""
    if get_origin(hint) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if hint is int and re.fullmatch(r"-?[0-9]{1,18}", text.strip()):
        return int(text)
    return text


def _as_flag(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _plugin_tables(value: Any, where: str) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a table for each plugin, like [plugin.nospam]")
    for name, table in value.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{where}.{shown(name)}: must be a table, like [plugin.nospam]")
        if not isinstance(table.get("enabled", True), bool):
            raise ConfigError(f"{where}.{shown(name)}.enabled: must be true or false")
    return value


def _line_of(key: str, text: str) -> str:
    """`, line N` of the first line that sets a key or opens its table; tomllib does not tell."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.match(line):
            return f", line {number}"
    return ""


def shown(key: str) -> str:
    """A key as a one-line message shows it: TOML takes any text between quotes."""
    return key if key.isprintable() else repr(key)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


# --- what a value must be --------------------------------------------------------------------------------------------


def _checked(name: str, value: Any, where: str) -> Any:
    """The value of a setting. Raises ConfigError."""
    if name not in FIELDS:
        raise ConfigError(f"{where}: unknown setting{_did_you_mean(name, FIELDS)}")
    if name == "rate_limits":
        return _rate_limits(value, where)
    limits = FIELDS[name].metadata
    checked = check_value(value, _TYPES[name], where)
    if "choices" in limits and checked not in limits["choices"]:
        raise ConfigError(f"{where}: must be one of {', '.join(limits['choices'])}")
    if "min" in limits and not limits["min"] <= checked <= limits["max"]:
        raise ConfigError(f"{where}: must be from {limits['min']} to {limits['max']}, not {checked}")
    return checked


def check_value(value: Any, hint: Any, where: str) -> Any:
    """The value as the type `hint`, from the plain data of TOML; only lists become tuples. Raises ConfigError."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of(value, [each for each in inner if each is not type(None)], where)
    if origin is Literal:
        if value not in inner:
            raise ConfigError(f"{where}: must be one of {', '.join(map(str, inner))}")
        return value
    _must_be(origin if origin in (list, dict) else list if origin is tuple else hint, value, where)
    if origin in (list, tuple):
        return origin(check_value(item, inner[0], f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        return {key: check_value(item, inner[1], f"{where}.{shown(key)}") for key, item in value.items()}
    return float(value) if hint is float else value


def _must_be(kind: type[Any], value: Any, where: str) -> None:
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ConfigError(f"{where}: must be {_KINDS.get(kind, kind.__name__)}, not {_kind(value)}")


def _any_of(value: Any, hints: list[Any], where: str) -> Any:
    for hint in hints[:-1]:
        try:
            return check_value(value, hint, where)
        except ConfigError:
            continue
    return check_value(value, hints[-1], where)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


# --- rates -----------------------------------------------------------------------------------------------------------


def _rate_limits(value: Any, where: str) -> str | dict[str, Any]:
    """`default`, `off`, or a table of rules, each `off` or what it changes of `{requests, window}`."""
    if value in ("default", "off"):
        return str(value)
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be default, off, or a table [rate_limits] in the file")
    return {rule: _rate(rate, f"{where}.{shown(rule)}") for rule, rate in value.items()}


def _rate(value: Any, where: str) -> str | dict[str, int]:
    """One rule; `"60/1m"` is short for `{ requests = 60, window = 60 }`, the window in seconds."""
    if value == "off":
        return "off"
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        value = {"requests": int(match[1]), "window": int(match[2] or 1) * _SECONDS[match[3]]}
    if not isinstance(value, dict) or not value or not value.keys() <= {"requests", "window"}:
        raise ConfigError(f'{where}: must be like "60/1m", {{ requests = 60, window = 60 }}, or "off"')
    for key, number in value.items():
        if type(number) is not int or not 1 <= number <= 1_000_000:
            raise ConfigError(f"{where}.{key}: must be a whole number from 1 to 1000000")
    return value


_RATE = re.compile(r"([0-9]{1,9})/([0-9]{1,9})?([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_KINDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
_TYPES = get_type_hints(Config)
FIELDS: dict[str, "attrs.Attribute[Any]"] = {
    field.name: field for field in attrs.fields(Config) if "env" in field.metadata
}
"""The settings by name; `metadata["env"]` is the environment variable. The tables of plugins are apart."""
