"""Settings: who wins, and what is wrong said in one line that names it."""

import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.config import FIELDS, Config, load, port_range
from chatcore.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.toml"


def problem(file: Path | None = None, environ: dict[str, str] | None = None, **flags: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file=file, environ=environ or {}, flags=flags)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_nothing_given_is_the_defaults() -> None:
    assert load(environ={}) == Config()
    assert load(environ={"PATH": "/bin", "HOME": "/"}, flags={"database_url": None}) == Config()


def test_every_setting_has_a_variable_of_its_own() -> None:
    variables = [field.metadata["env"] for field in FIELDS.values()]
    assert len(set(variables)) == len(variables)
    assert set(FIELDS) == {field.name for field in attrs.fields(Config)} - {"plugin_settings"}


def test_every_setting_is_described() -> None:
    for field in FIELDS.values():
        assert field.metadata["about"].endswith("."), field.name


NOT_YET = {"max_file_size"}
"""Settings that nothing reads before there are uploads; this list can only become shorter."""


def test_every_setting_is_used() -> None:
    root = Path(__file__).parents[2]
    files = [each for room in ("src", "plugins", "cli") for each in (root / room).rglob("*.py")]
    text = "\n".join(each.read_text("utf-8") for each in files if each.name != "config.py")
    unused = {name for name in FIELDS if not re.search(rf"config\.{name}\b", text)}
    assert unused <= NOT_YET


def test_the_example_of_the_reference_is_taken(file: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text("utf-8")
    example = re.search(r"```toml\n(.+?)```", page, re.DOTALL)
    assert example is not None
    file.write_text(example[1])
    config = load(file=file, environ={})
    assert isinstance(config.rate_limits, dict)
    assert config.rate_limits["login"] == {"requests": 10, "window": 900}
    assert config.plugin_settings == {"nospam": {"words": ["spam", "buy now"]}}


def test_flags_win_over_environment_over_file(file: Path) -> None:
    file.write_text('database_url = "sqlite:///file.db"\nlog_level = "debug"\nbcrypt_rounds = 13\n')
    environ = {"DATABASE_URL": "sqlite:///environ.db", "LOG_LEVEL": "error"}
    config = load(file=file, environ=environ, flags={"database_url": "sqlite:///flag.db"})
    assert (config.database_url, config.log_level, config.bcrypt_rounds) == ("sqlite:///flag.db", "error", 13)


def test_every_setting_can_come_from_everywhere(file: Path) -> None:
    samples: dict[str, tuple[str, str, Any]] = {
        "int": ("14", "14", 14),
        "tuple[str, ...]": ("a, b,,c", '["a", "b", "c"]', ("a", "b", "c")),
        "str": ("text", '"text"', "text"),
    }
    for name, field in FIELDS.items():
        hint = str(field.type) if field.type not in (int, str) else field.type.__name__
        text, toml, value = samples.get(hint, samples["str"])
        if "choices" in field.metadata:
            value = text = field.metadata["choices"][-1]
            toml = f'"{value}"'
        elif name == "rate_limits":
            text, toml, value = "off", '"off"', "off"
        elif name == "voice_ports":
            text, toml, value = "5000", '"5000"', "5000"
        elif field.metadata.get("min", 0) > 14:
            value = field.metadata["min"]
            text = toml = str(value)
        file.write_text(f"{name} = {toml}\n")
        wanted = attrs.evolve(Config(), **{name: value})
        assert load(environ={field.metadata["env"]: text}) == wanted
        assert load(file=file, environ={}) == wanted
        assert load(environ={}, flags={name: value}) == wanted


def test_an_empty_variable_counts_as_not_set(file: Path) -> None:
    file.write_text('redis_url = "redis://file"\n')
    config = load(file=file, environ={"REDIS_URL": "", "CHATCORE_PLUGINS": "", "BCRYPT_ROUNDS": ""})
    assert config == Config(redis_url="redis://file")


def test_plugins_given_as_flags_come_after_those_configured(file: Path) -> None:
    file.write_text('plugins = ["a", "b"]\n')
    assert load(file=file, environ={}, flags={"plugins": ("c.py",)}).plugins == ("a", "b", "c.py")
    assert load(file=file, environ={"CHATCORE_PLUGINS": "d"}, flags={"plugins": ["c.py"]}).plugins == ("d", "c.py")


def test_tables_of_plugins_are_handed_on(file: Path) -> None:
    file.write_text('[plugin.nospam]\nwords = ["a"]\n[plugin.other]\nenabled = false\n')
    assert load(file=file, environ={}).plugin_settings == {"nospam": {"words": ["a"]}, "other": {"enabled": False}}


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('databse_url = "x"', ", line 1: databse_url: unknown setting; did you mean database_url?"),
        ("\n# a comment\nzzz = 1", ", line 3: zzz: unknown setting"),
        ("plugin_settings = {}", ", line 1: plugin_settings: unknown setting"),
        ("[server]\nport = 1\n", ", line 1: server: unknown setting"),
        ('"a\\nb" = 1', ": 'a\\nb': unknown setting"),
        ("database_url = 7", ", line 1: database_url: must be text, not a whole number"),
        ("database_pool_size = 0", ", line 1: database_pool_size: must be from 1 to 500, not 0"),
        ('database_pool_size = "10"', ", line 1: database_pool_size: must be a whole number, not text"),
        ("database_pool_size = true", ", line 1: database_pool_size: must be a whole number, not true or false"),
        ("bcrypt_rounds = 4", ", line 1: bcrypt_rounds: must be from 12 to 18, not 4"),
        ('log_level = "loud"', ", line 1: log_level: must be one of debug, info, warning, error"),
        ('plugins = "nospam.py"', ", line 1: plugins: must be a list, not text"),
        ('plugins = ["a", 1]', ", line 1: plugins[1]: must be text, not a whole number"),
        ("log_file = 1979-05-27", ", line 1: log_file: must be text, not a date"),
        ('plugin = "x"', ", line 1: plugin: must be a table for each plugin, like [plugin.nospam]"),
        (
            "[plugins.nospam]\na = 1",
            ", line 1: plugins: must be a list; the settings of a plugin stand in [plugin.nospam]",
        ),
        ("[plugin]\nnospam = 1", ", line 1: plugin.nospam: must be a table, like [plugin.nospam]"),
        ("[plugin.x]\nenabled = 0", ", line 1: plugin.x.enabled: must be true or false"),
        ("a = ", ": is not valid TOML: "),
        ("a = 1\na = 2", ": is not valid TOML: "),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_place(file: Path, toml: str, expected: str) -> None:
    file.write_text(toml)
    assert problem(file).startswith(f"{file}{expected}")


def test_a_file_that_cannot_be_read_is_named(file: Path, tmp_path: Path) -> None:
    assert problem(file) == f"{file}: cannot be read: No such file or directory"
    assert problem(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    file.write_bytes(b"log_level = '\xff'")
    assert problem(file).startswith(f"{file}: is not valid TOML")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CHATCORE_SECRT": "x"}, "environment: CHATCORE_SECRT: unknown variable; did you mean CHATCORE_SECRET?"),
        ({"CHATCORE_ZZZZZZZZZZZZ": ""}, "environment: CHATCORE_ZZZZZZZZZZZZ: unknown variable"),
        ({"DATABASE_POOL_SIZE": "ten"}, "environment: DATABASE_POOL_SIZE: must be a whole number, not text"),
        ({"DATABASE_POOL_SIZE": "1e2"}, "environment: DATABASE_POOL_SIZE: must be a whole number, not text"),
        ({"DATABASE_POOL_SIZE": "٣"}, "environment: DATABASE_POOL_SIZE: must be a whole number, not text"),
        ({"MAX_FILE_SIZE": "-1"}, "environment: MAX_FILE_SIZE: must be from 1 to 52428800, not -1"),
        ({"REGISTRATION": "Open"}, "environment: REGISTRATION: must be one of open, invite, closed"),
        (
            {"RATE_LIMITS": "none"},
            "environment: RATE_LIMITS: must be default, off, or a table [rate_limits] in the file",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(environ: dict[str, str], expected: str) -> None:
    assert problem(environ=environ) == expected


def test_what_is_wrong_in_a_flag_is_named() -> None:
    assert problem(database_pool_size="5") == "--database-pool-size: must be a whole number, not text"
    assert problem(database_ul="x") == "--database-ul: unknown setting; did you mean database_url?"


def test_secrets_are_not_repeated(file: Path) -> None:
    assert "hunter2" not in problem(environ={"CHATCORE_HUNTER": "hunter2"})
    file.write_text("secret = ['hunter2']")
    assert "hunter2" not in problem(file)
    config = Config(
        secret="hunter2",
        turn_secret="hunter2",
        database_url="postgresql://me:hunter2@host/db",
        redis_url="redis://:hunter2@host",
        plugin_settings={"x": {"token": "hunter2"}},
    )
    assert "hunter2" not in repr(config)
    assert "postgresql://***@host/db" in repr(config)


# --- rates -----------------------------------------------------------------------------------------------------------


def test_rates_are_read_in_every_form(file: Path) -> None:
    file.write_text(
        '[rate_limits]\nlogin = "60/1m"\nregister = "5/h"\nupload = { requests = 3 }\n'
        'messages = { requests = 1, window = 2 }\n"socket:typing" = "off"\n'
    )
    assert load(file=file, environ={}).rate_limits == {
        "login": {"requests": 60, "window": 60},
        "register": {"requests": 5, "window": 3600},
        "upload": {"requests": 3},
        "messages": {"requests": 1, "window": 2},
        "socket:typing": "off",
    }
    assert load(file=file, environ={"RATE_LIMITS": "off"}).rate_limits == "off"
    assert load(environ={"RATE_LIMITS": "default"}).rate_limits == "default"


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ('"60"', 'login: must be like "60/1m", { requests = 60, window = 60 }, or "off"'),
        ('"60/1w"', 'login: must be like "60/1m"'),
        ('"-1/m"', 'login: must be like "60/1m"'),
        ("60", 'login: must be like "60/1m"'),
        ("{}", 'login: must be like "60/1m"'),
        ("{ request = 1 }", 'login: must be like "60/1m"'),
        ('"0/m"', "login.requests: must be a whole number from 1 to 1000000"),
        ('"5/100d"', "login.window: must be a whole number from 1 to 1000000"),
        ("{ requests = 0 }", "login.requests: must be a whole number from 1 to 1000000"),
        ("{ window = 1.5 }", "login.window: must be a whole number from 1 to 1000000"),
        ("{ requests = true }", "login.requests: must be a whole number from 1 to 1000000"),
    ],
)
def test_bad_rates_are_named(file: Path, rate: str, expected: str) -> None:
    file.write_text(f"[rate_limits]\nlogin = {rate}\n")
    assert problem(file).startswith(f"{file}, line 1: rate_limits.{expected}")


# --- anything at all -------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def refusal(environ: dict[str, str], flags: dict[str, Any]) -> str:
    """What is said against these; nothing when they are taken."""
    try:
        load(environ=environ, flags=flags)
    except ConfigError as error:
        return str(error)
    return ""


@given(st.sampled_from(sorted(FIELDS)), plain)
def test_any_value_is_taken_or_refused_in_one_line(name: str, value: Any) -> None:
    assert refusal({}, {name: value}).isprintable()


@given(st.sampled_from([field.metadata["env"] for field in FIELDS.values()] + ["CHATCORE_OTHER"]), st.text())
def test_any_text_of_a_variable_is_taken_or_refused_in_one_line(variable: str, text: str) -> None:
    assert refusal({variable: text}, {}).isprintable()


@pytest.mark.parametrize(
    ("text", "ports"), [("40000-40999", (40000, 40999)), ("5000", (5000, 5000)), ("65535-65535", (65535, 65535))]
)
def test_the_ports_of_media_are_a_range_or_one(text: str, ports: tuple[int, int]) -> None:
    assert port_range(load(environ={"VOICE_PORTS": text}).voice_ports) == ports


@pytest.mark.parametrize("text", ["80", "5000-4000", "1-2-3", "many", "65536", "40000-", " 5000"])
def test_other_ports_of_media_are_refused(text: str) -> None:
    assert problem(environ={"VOICE_PORTS": text}).startswith("environment: VOICE_PORTS: must be")
