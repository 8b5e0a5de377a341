"""What every contract suite has in common: an implementation of a port inherits the suite and says how it is opened.

    class TestMyBus(BusContract):
        def open_bus(self) -> AbstractAsyncContextManager[Bus]:
            return open_my_bus()

A suite is a promise, so its tests cannot be replaced. A test that an implementation cannot pass yet is named in
`expected_failures`, with the reason; the day it passes, the suite fails until the line is removed.
"""

from collections.abc import Mapping
from types import FunctionType
from typing import Any, ClassVar

import pytest


class Contract:
    """The root of all suites."""

    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Names of tests that must fail -> why."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        tests = _tests_of_bases(cls)
        for name, test in tests.items():
            found = getattr(cls, name)
            if getattr(found, "contract_test", found) is not test:
                raise TypeError(f"{cls.__name__}.{name} replaces a test of the contract: name it in expected_failures")
        for name, reason in cls.expected_failures.items():
            if name not in tests:
                raise TypeError(f"{cls.__name__}.expected_failures names {name}, which is no test of the contract")
            if not reason.strip():
                raise TypeError(f"{cls.__name__}.expected_failures must say why {name} fails")
            setattr(cls, name, _expect_failure(tests[name], reason))


def _tests_of_bases(cls: type[Contract]) -> dict[str, Any]:
    """The suite's own test functions, by name."""
    bases = [base for base in cls.__mro__[1:] if issubclass(base, Contract)]
    return {
        name: getattr(value, "contract_test", value)
        for base in reversed(bases)
        for name, value in vars(base).items()
        if name.startswith("test")
    }


def _expect_failure(test: FunctionType, reason: str) -> Any:
    """A copy of the test that carries the mark: the suite's own function is shared with everybody else."""
    copy = FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__)
    copy.__kwdefaults__ = test.__kwdefaults__
    copy.__annotations__ = dict(test.__annotations__)
    copy.__dict__.update(test.__dict__)
    copy.__dict__["pytestmark"] = list(test.__dict__.get("pytestmark", ()))
    copy.__dict__["contract_test"] = test
    return pytest.mark.xfail(reason=reason, strict=True)(copy)
