"""Which route an address is for."""

from collections.abc import Iterable, Sequence

import attrs

from chatserver.route import Route

_Leaf = tuple[Route, tuple[tuple[str, int], ...]]
"""A route, and which part of a path each of its parameters is."""


@attrs.define(eq=False)
class _Node:
    """A place in the tree of paths: what may follow it, and what ends in it."""

    fixed: "dict[str, _Node]" = attrs.field(factory=dict)
    any: "_Node | None" = None
    leaves: dict[str, _Leaf] = attrs.field(factory=dict)
    """By method."""

    def find(self, method: str, parts: Sequence[str], at: int) -> _Leaf | None:
        if at == len(parts):
            return self.leaves.get(method)
        part = parts[at]
        fixed = self.fixed.get(part)
        found = fixed.find(method, parts, at + 1) if fixed is not None else None
        if found is None and self.any is not None and part:
            found = self.any.find(method, parts, at + 1)
        return found


class RouteTree:
    """The table of routes, ready for looking up: words go before parameters, wherever the rest fits too."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            parts = route.path.split("/")
            for part in parts:
                if part.startswith(":"):
                    node.any = node.any or _Node()
                    node = node.any
                else:
                    node = node.fixed.setdefault(part, _Node())
            named = ((part[1:], place) for place, part in enumerate(parts) if part.startswith(":"))
            node.leaves.setdefault(route.method, (route, tuple(named)))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request, and the parts of its path by their names. The path is decoded already."""
        parts = path.split("/")
        leaf = self._root.find(method, parts, 0)
        if leaf is None:
            return None
        route, places = leaf
        return route, {name: parts[place] for name, place in places}
