"""Settings, parsed once: flags win over environment over `chat.toml`. See docs/reference/configuration.md.

A mistake is told in one line that names the key and where it stands. Values are never repeated: they may be secrets.
"""

import difflib
import re
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from chatcore.errors import ConfigError

_MIB = 1024 * 1024


def _without_password(url: str | None) -> str:
    """A URL as logs may show it."""
    return repr(url if url is None else re.sub(r"(?<=//)[^/]*@", "***@", url))


def _setting(default: Any, env: str, about: str, *, shown: bool | Callable[[Any], str] = True, **limits: Any) -> Any:
    """A field of `Config`. `shown`: its repr, or whether it has one; `limits`: min and max, or choices."""
    return attrs.field(default=default, repr=shown, metadata={"env": env, "about": about, **limits})


@attrs.frozen(kw_only=True)
class Config:
    """Every setting with its default, its environment variable and what it is for; `chat.toml` has the field's name."""

    database_url: str = _setting(
        "sqlite:///chat.db",
        "DATABASE_URL",
        "Where everything is stored: `sqlite:///chat.db` is a file, `memory:` keeps nothing; the scheme chooses.",
        shown=_without_password,
    )
    database_pool_size: int = _setting(
        10, "DATABASE_POOL_SIZE", "Connections that read at the same time.", min=1, max=500
    )
    database_replica_url: str | None = _setting(
        None,
        "DATABASE_REPLICA_URL",
        "A copy of a database in PostgreSQL that follows it (a standby). It answers for history, threads and search "
        "when it holds all that was acknowledged; when not, the database itself does.",
        shown=_without_password,
    )
    tls_cert: str | None = _setting(
        None,
        "TLS_CERT",
        "A file with the server's certificate and those that vouch for it (PEM): HTTPS without a proxy. Read again "
        "when it changes, and at SIGHUP.",
    )
    tls_key: str | None = _setting(
        None, "TLS_KEY", "A file with the private key of `tls_cert` (PEM, not encrypted), unless that holds it too."
    )
    redis_url: str | None = _setting(
        None,
        "REDIS_URL",
        "Redis, which carries events between the nodes of one installation: `redis://host`, `rediss://` over TLS, "
        "`redis+sentinel://host,host/name`, `redis+cluster://host,host`. Without it PostgreSQL does; with SQLite "
        "there is one node.",
        shown=_without_password,
    )
    bus: str | None = _setting(
        None, "CHATCORE_BUS", "What carries events between nodes, by its name, where the URLs should not choose."
    )
    secret: str | None = _setting(
        None,
        "CHATCORE_SECRET",
        "Signs tokens. Without one, a secret is made and kept beside the database.",
        shown=False,
    )
    secret_file: str | None = _setting(
        None, "CHATCORE_SECRET_FILE", "A file that holds the secret, for where variables can be read by others."
    )
    upload_dir: str = _setting("./uploads", "UPLOAD_DIR", "Where uploaded files are kept.")
    max_file_size: int = _setting(10 * _MIB, "MAX_FILE_SIZE", "Largest upload, in bytes.", min=1, max=50 * _MIB)
    allowed_origins: tuple[str, ...] = _setting(
        (),
        "ALLOWED_ORIGINS",
        "Web origins, beside the server's own, whose pages may use cookies: `https://chat.example.org`.",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "TRUSTED_PROXIES", "Addresses or networks of reverse proxies whose `X-Forwarded-*` headers are believed."
    )
    turn_server_url: str | None = _setting(None, "TURN_SERVER_URL", "TURN server that relays the media of huddles.")
    turn_secret: str | None = _setting(
        None, "TURN_SECRET", "Shared with the TURN server; signs credentials.", shown=False
    )
    stun_server_url: str | None = _setting(
        None, "STUN_SERVER_URL", "STUN server by which huddles find their addresses."
    )
    voice: str = _setting(
        "auto",
        "VOICE",
        "What carries huddles through the server: the name of a voice provider (`webrtc`); `auto`, the one that is "
        "installed, if any; or `off`: media goes from peer to peer only. All nodes of an installation say the same.",
    )
    voice_public_address: str | None = _setting(
        None,
        "VOICE_PUBLIC_ADDRESS",
        "The IP address at which clients reach the media of huddles, where it is not one of this machine's own (NAT).",
    )
    voice_ports: str = _setting(
        "40000-40999", "VOICE_PORTS", "UDP ports of the media of huddles: a range, or a single port."
    )
    voice_processes: int = _setting(
        1, "VOICE_PROCESSES", "Processes that carry media; a huddle is in one of them.", min=1, max=64
    )
    voice_max_seats: int = _setting(
        200, "VOICE_MAX_SEATS", "Devices connected to the media of this node at once.", min=1, max=100_000
    )
    huddle_mesh_max: int = _setting(
        4,
        "HUDDLE_MESH_MAX",
        "People that a huddle of mode `auto` connects from peer to peer; with one more it goes through the server, "
        "where there is a voice provider.",
        min=1,
        max=16,
    )
    log_level: str = _setting(
        "info", "LOG_LEVEL", "What is logged: this and what is graver.", choices=("debug", "info", "warning", "error")
    )
    log_file: str | None = _setting(None, "LOG_FILE", "Where the log is written, with rotation; without it, to stderr.")
    plugins: tuple[str, ...] = _setting(
        (),
        "CHATCORE_PLUGINS",
        "Plugins beside the installed ones: modules, or paths of `.py` files. Their order is that of their hooks.",
    )
    hook_deadline_ms: int = _setting(
        2000, "CHATCORE_HOOK_DEADLINE_MS", "Milliseconds that the filters of one call have together.", min=1, max=60_000
    )
    registration: str = _setting(
        "open",
        "REGISTRATION",
        "Who may register: anyone, who has an invite, nobody.",
        choices=("open", "invite", "closed"),
    )
    rate_limits: str | Mapping[str, Any] = _setting(
        "default",
        "RATE_LIMITS",
        "`default`, or `off`, which lifts every rate, flow and connection limit. In the file also a table that changes "
        "single rules.",
    )
    max_connections: int = _setting(
        10_000,
        "CHATCORE_MAX_CONNECTIONS",
        "Connections to one server process at once, HTTP and WebSocket; more are closed unanswered.",
        min=10,
        max=1_000_000,
    )
    max_connections_per_address: int = _setting(
        2_000,
        "CHATCORE_MAX_CONNECTIONS_PER_ADDRESS",
        "Of these from one address; `trusted_proxies` are not counted.",
        min=1,
        max=1_000_000,
    )
    max_sockets_per_user: int = _setting(
        50,
        "CHATCORE_MAX_SOCKETS_PER_USER",
        "WebSockets of one account on one server process; one more is closed with 4429.",
        min=1,
        max=1_000_000,
    )
    socket_frames_per_second: int = _setting(
        50,
        "CHATCORE_SOCKET_FRAMES_PER_SECOND",
        "Frames that one WebSocket may send for long, six times as many at once; over it, it is closed with 4429.",
        min=1,
        max=1_000_000,
    )
    socket_bytes_per_second: int = _setting(
        128 * 1024,
        "CHATCORE_SOCKET_BYTES_PER_SECOND",
        "Bytes that one WebSocket may send for long, eight times as many at once; over it, it is closed with 4429.",
        min=1024,
        max=1024 * _MIB,
    )
    max_head_size: int = _setting(
        16 * 1024,
        "CHATCORE_MAX_HEAD_SIZE",
        "Largest head of a request (its first line and headers), in bytes; a larger one is answered 431.",
        min=4096,
        max=_MIB,
    )
    max_body_size: int = _setting(
        _MIB,
        "CHATCORE_MAX_BODY_SIZE",
        "Largest JSON body of a request, in bytes; a larger one is answered 413.",
        min=64 * 1024,
        max=64 * _MIB,
    )
    bcrypt_rounds: int = _setting(
        12, "BCRYPT_ROUNDS", "Cost of hashing a password: one more doubles it.", min=12, max=18
    )
    slow_query_ms: int = _setting(
        100, "SLOW_QUERY_MS", "A transaction that takes as many milliseconds is logged.", min=1, max=60_000
    )
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
        elif key == "plugins" and isinstance(value, dict):
            name = shown(next(iter(value), "NAME"))
            raise ConfigError(f"{where}: must be a list; the settings of a plugin stand in [plugin.{name}]")
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
        return int(text.strip())
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
    if name == "voice_ports":
        port_range(value, where)
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


def port_range(value: Any, where: str = "voice_ports") -> tuple[int, int]:
    """The setting `voice_ports` as first and last port. Raises ConfigError."""
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", value) if isinstance(value, str) else None
    first, last = (int(match[1]), int(match[2] or match[1])) if match is not None else (0, 0)
    if not 1024 <= first <= last <= 65535:
        raise ConfigError(f'{where}: must be "40000-40999" or a single port, from 1024 to 65535')
    return first, last


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
