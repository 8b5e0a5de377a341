"""One measured number, and what it has to be."""

import attrs


@attrs.frozen
class Target:
    """A bound that a figure has to keep: `AtMost(2)` or `AtLeast(5000)`, in the figure's unit."""

    bound: float

    def met_by(self, value: float) -> bool:
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError


@attrs.frozen
class AtMost(Target):
    def met_by(self, value: float) -> bool:
        return value <= self.bound

    def __str__(self) -> str:
        return f"≤ {rounded(self.bound)}"


@attrs.frozen
class AtLeast(Target):
    def met_by(self, value: float) -> bool:
        return value >= self.bound

    def __str__(self) -> str:
        return f"≥ {rounded(self.bound)}"


@attrs.frozen
class Figure:
    """`value` is None when it could not be measured here; `note` then says why."""

    name: str
    value: float | None
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """ok or MISS; nothing without a target; `not measured` without a value."""
        if self.value is None:
            return "not measured"
        if self.target is None:
            return ""
        return "ok" if self.target.met_by(self.value) else "MISS"


def missing(name: str, why: str) -> Figure:
    """The line of a benchmark that this machine cannot run."""
    return Figure(name, None, "", note=why)


def rounded(value: float) -> str:
    """Three digits that mean something, and commas."""
    size = abs(value)
    if size >= 100 or size == int(size):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
