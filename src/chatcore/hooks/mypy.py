"""A plugin for mypy: it holds what `@hookimpl` marks against the hook of its name.

    [tool.mypy]
    plugins = ["chatcore.hooks.mypy"]

Finds arguments that the hook does not have, arguments of the wrong type, and answers that the hook does not take. What
a chat finds when it starts (misspelt hooks, functions of the wrong kind) is left to it and to `chatcore plugins check`.
"""

from collections.abc import Callable
from typing import Any

from mypy.nodes import Decorator, MypyFile
from mypy.plugin import FunctionContext, MethodContext, Plugin
from mypy.subtypes import is_subtype
from mypy.types import CallableType, Instance, Type, get_proper_type

MARKER = "chatcore.hooks.markers.hookimpl"
MARK = "chatcore.hooks.markers.Mark.__call__"
SPECS = "chatcore.hooks.specs."


class HookPlugin(Plugin):
    """See the module."""

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """`@hookimpl`."""
        return _check if fullname == MARKER else None

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        """`@hookimpl(...)`, whose answer is called with the function."""
        return _check if fullname == MARK else None


def plugin(version: str) -> type[Plugin]:
    """What mypy asks for."""
    return HookPlugin


def _check(context: FunctionContext | MethodContext) -> Type:
    marked = context.arg_types[0][0] if context.arg_types and context.arg_types[0] else None
    given = None if marked is None else get_proper_type(marked)
    if isinstance(given, CallableType):
        name = context.context.func.name if isinstance(context.context, Decorator) else given.name
        spec = _spec(context, name or "")
        if spec is not None:
            _compare(context, f"hook {name}", given, spec)
    return context.default_return_type


def _spec(context: Any, name: str) -> CallableType | None:
    """The signature of a hook; None for one that is not of ours."""
    modules: dict[str, MypyFile] = context.api.modules
    for module, tree in modules.items():
        symbol = tree.names.get(name) if module.startswith(SPECS) else None
        if symbol is not None and isinstance(symbol.node, Decorator):
            found = get_proper_type(symbol.node.func.type)
            return found if isinstance(found, CallableType) else None
    return None


def _compare(context: Any, where: str, given: CallableType, spec: CallableType) -> None:
    types = dict(zip(spec.arg_names, spec.arg_types, strict=True))
    for name, taken in zip(given.arg_names, given.arg_types, strict=True):
        if name in ("self", "cls", None):
            continue
        if name not in types:
            known = ", ".join(str(each) for each in spec.arg_names)
            context.api.fail(f'{where}: there is no argument "{name}"; it has {known}', context.context)
        elif not is_subtype(types[name], taken):
            context.api.fail(
                f'{where}: argument "{name}" is {_shown(types[name])}, not {_shown(taken)}', context.context
            )
    if not any(is_subtype(given.ret_type, wanted) for wanted in _answers(spec.ret_type)):
        context.api.fail(
            f"{where}: must return {_shown(_answers(spec.ret_type)[-1])}, not {_shown(given.ret_type)}", context.context
        )


def _answers(wanted: Type) -> list[Type]:
    """What a function may return: for a hook that is awaited also its answer at once."""
    proper = get_proper_type(wanted)
    if isinstance(proper, Instance) and proper.type.fullname == "typing.Coroutine":
        return [proper, proper.args[2]]
    return [proper]


def _shown(each: Type) -> str:
    text = str(get_proper_type(each))
    return text.replace("builtins.", "").replace("typing.Coroutine[Any, Any, ", "Coroutine[")
