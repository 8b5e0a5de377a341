"""One line of `chatcore doctor`."""

from enum import StrEnum

import attrs


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@attrs.frozen(kw_only=True)
class Finding:
    """`advice` says what to do; there is none when all is well."""

    check: str
    state: State
    said: str
    advice: str | None = None


def ok(check: str, said: str) -> Finding:
    """All is well."""
    return Finding(check=check, state=State.OK, said=said)


def warn(check: str, said: str, advice: str) -> Finding:
    """It works, and should not stay so."""
    return Finding(check=check, state=State.WARN, said=said, advice=advice)


def fail(check: str, said: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check=check, state=State.FAIL, said=said, advice=advice)
