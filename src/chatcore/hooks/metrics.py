"""Figures of a plugin's own, for `/metrics`."""

import re
from collections.abc import Callable, Mapping

import attrs

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@attrs.frozen(kw_only=True)
class Metric:
    """Shown as `chatcore_plugin_<plugin>_<name>`. `read` is asked with each scrape, and must answer at once.

    With a `label` it answers with a figure for each value of that label: `{"failed": 3, "delivered": 40}`.
    """

    name: str = attrs.field()
    about: str
    read: Callable[[], float | Mapping[str, float]]
    label: str = ""

    @name.validator
    def _check_name(self, _: object, value: str) -> None:
        if not _NAME.match(value):
            raise ValueError(f"the metric {value!r} must be lower-case letters, digits and underscores")
