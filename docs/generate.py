"""Writes the pages of the reference that are made from the source; a test says when they are old."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from chatcore.config import FIELDS, Config
from chatcore.embedded.plugin import BotSettings
from chatcore.events import EVENT_CLASSES, Event
from chatcore.hooks import Job, Kind, PluginConfig
from chatcore.hooks.lifespan import FIRST_DELAY, LONGEST_DELAY, OBSERVER_LIMIT
from chatcore.hooks.markers import SpecOptions, spec_options
from chatcore.hooks.observers import QUEUE_LENGTH
from chatcore.hooks.settings import settings_classes
from chatcore.hooks.specs import SUBJECTS
from chatcore.hooks.supervision import DRAIN_LIMIT, START_LIMIT
from chatcore.wire import camel

HERE = Path(__file__).parent

KINDS = {
    Kind.FILTER: "Filter",
    Kind.OBSERVER: "Observer",
    Kind.AROUND: "Wrapper: an async context manager",
    Kind.LIFE: "Life of the plugin",
    Kind.REGISTER: "Contribution",
}


def hooks_page() -> str:
    """docs/reference/hooks.md."""
    introduction = (
        (HERE / "parts" / "hooks.md")
        .read_text("utf-8")
        .format(
            deadline=Config().hook_deadline_ms / 1000,
            queue=QUEUE_LENGTH,
            observer=OBSERVER_LIMIT,
            drain=DRAIN_LIMIT,
            start=START_LIMIT,
            first=FIRST_DELAY,
            longest=LONGEST_DELAY,
        )
    )
    return "\n".join([introduction, *(_subject(each) for each in SUBJECTS), _job()])


def arguments(function: Callable[..., Any]) -> dict[str, str]:
    """What the docstring of a hook says of each argument."""
    return dict(re.findall(r"^(\w+): (.+)$", inspect.getdoc(function) or "", re.MULTILINE))


def hooks_of(subject: ModuleType) -> list[tuple[Callable[..., Any], SpecOptions]]:
    """The hooks of a module, in the order of its source."""
    found = [(each, spec_options(each)) for each in vars(subject).values()]
    return [(function, options) for function, options in found if options is not None]


def _subject(subject: ModuleType) -> str:
    parts = [f"## {_title(subject)}\n"]
    parts += [_hook(function, options) for function, options in hooks_of(subject)]
    return "\n".join(parts)


def _title(subject: ModuleType) -> str:
    return (inspect.getdoc(subject) or "").rstrip(".")


def _hook(function: Callable[..., Any], options: SpecOptions) -> str:
    said = arguments(function)
    text = re.split(r"^\w+: ", inspect.getdoc(function) or "", maxsplit=1, flags=re.MULTILINE)[0].strip()
    lines = [f"### `{function.__name__}`", "", f"*{KINDS[options.kind]}.{_allowed(options)}*", "", text, ""]
    types = {name: _type(parameter) for name, parameter in inspect.signature(function).parameters.items()}
    lines += [f"- `{name}` ({types[name]}): {said[name]}" for name in types]
    return "\n".join([*lines, ""])


def _allowed(options: SpecOptions) -> str:
    if options.kind is not Kind.FILTER:
        return ""
    changes = ", ".join(f"`{field}`" for field in options.changes)
    may = f" May change {changes} of `{options.value}`." if changes else " May only refuse."
    return may + (" Fails closed." if options.vital else "")


def _type(parameter: inspect.Parameter) -> str:
    text = inspect.formatannotation(parameter.annotation)
    return f"`{re.sub(r'(?:[a-z_]+[.])+', '', text)}`"


def _job() -> str:
    fields = ", ".join(f"`{field.name}`" for field in attrs.fields(Job))
    return f"## Values\n\n### `Job({fields.replace('`', '')})`\n\n{inspect.getdoc(Job)}\n"


def configuration_page() -> str:
    """docs/reference/configuration.md."""
    introduction = (HERE / "parts" / "configuration.md").read_text("utf-8")
    settings = [_setting(field) for field in FIELDS.values()]
    ours = [_plugin(name, cls) for name, cls in plugin_settings()]
    return "\n".join([introduction, *settings, "## Of plugins that come along\n", *ours])


def plugin_settings() -> Iterator[tuple[str, type[PluginConfig]]]:
    """The settings of each plugin of ours, and of a bot that is one."""
    for group in ("chatcore.plugins", "chatcore.optional_plugins"):
        for point in sorted(entry_points(group=group), key=lambda point: point.name):
            if point.dist is not None and point.dist.name == "chatcore":
                yield from ((point.name, cls) for cls in settings_classes(point.load()))
    yield "NAME", BotSettings


def _plugin(name: str, cls: type[PluginConfig]) -> str:
    who = "a bot that runs as a plugin" if cls is BotSettings else f"`{name}`"
    lines = [f"### `[plugin.{name}]`", "", f"Of {who}.", "", "| setting | default | |", "|---|---|---|"]
    said = explanations(cls)
    for field in attrs.fields(cls):
        default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
        lines.append(f"| `{field.name}` | {_default(default)} | {' '.join(said[field.name].split())} |")
    return "\n".join([*lines, ""])


def explanations(cls: type[Any]) -> dict[str, str]:
    """What the string below each field of a class says of it; nothing for a field without one."""
    (body,) = [each.body for each in ast.parse(inspect.getsource(cls)).body if isinstance(each, ast.ClassDef)]
    found = {
        each.target.id: "" for each in body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            found[field.target.id] = str(getattr(below.value, "value", ""))
    return found


def _setting(field: "attrs.Attribute[Any]") -> str:
    lines = [f"### `{field.name}`", "", field.metadata["about"], ""]
    lines += [f"- Environment: `{field.metadata['env']}`", f"- Default: {_default(field.default)}"]
    if "choices" in field.metadata:
        lines.append("- One of " + ", ".join(f"`{choice}`" for choice in field.metadata["choices"]))
    if "min" in field.metadata:
        lines.append(f"- From {field.metadata['min']} to {field.metadata['max']}")
    return "\n".join([*lines, ""])


def _default(value: Any) -> str:
    return "none" if value is None or value == () else f"`{value}`"


def events_page() -> str:
    """docs/reference/events.md."""
    introduction = (HERE / "parts" / "events.md").read_text("utf-8")
    durable = [cls for cls in EVENT_CLASSES if cls.durable]
    passing = [cls for cls in EVENT_CLASSES if not cls.durable]
    parts = [introduction, "## Durable\n", *map(_event, durable), "## Ephemeral\n", *map(_event, passing)]
    return "\n".join(parts)


def _event(cls: type[Event]) -> str:
    needs = f" Scope `{cls.needs}`." if cls.needs is not None else ""
    lines = [f"### `{cls.type}`", "", inspect.getdoc(cls) or "", "", f"*For: {audience_of(cls)}{needs}*", ""]
    lines += ["| field | type |", "|---|---|"]
    own = [field for field in attrs.fields(cls) if field.name not in ("workspace_id", "seq")]
    lines += [f"| `{camel(field.name)}` | {_field_type(field.type)} |" for field in own]
    return "\n".join([*lines, ""])


def audience_of(cls: type[Event]) -> str:
    """Who may receive an event, in words: what its property says."""
    found = inspect.getattr_static(cls, "audience").__doc__ or ""
    return " ".join(found.split())


def _field_type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return f"`{re.sub(r'(?:[A-Za-z_]+[.])+', '', text)}`".replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "reference/configuration.md": configuration_page,
    "reference/events.md": events_page,
    "reference/hooks.md": hooks_page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
