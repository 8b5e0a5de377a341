"""A contract suite holds for everybody."""

from pathlib import Path

import pytest

from chatcore.config import Config
from chatcore.hooks import Hooks
from chatcore.testing.contract import Contract
from chatcore.testing.providers import SUITES

pytest_plugins = "pytester"


class Suite(Contract):
    """A suite of one test."""

    answer = 42

    async def test_answer(self) -> None:
        assert self.answer == 42


def test_a_test_of_the_contract_cannot_be_replaced() -> None:
    with pytest.raises(TypeError, match=r"Mine\.test_answer replaces a test"):
        type("Mine", (Suite,), {"test_answer": None})


def test_nor_be_replaced_by_a_mixin() -> None:
    mixin = type("Mixin", (), {"test_answer": lambda self: None})
    with pytest.raises(TypeError, match=r"Mine\.test_answer replaces a test"):
        type("Mine", (mixin, Suite), {})


def test_a_subclass_may_add_tests() -> None:
    assert type("Mine", (Suite,), {"test_more": lambda self: None})


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_expected_failure_needs_a_reason(reason: str) -> None:
    with pytest.raises(TypeError, match="must say why test_answer fails"):
        type("Mine", (Suite,), {"expected_failures": {"test_answer": reason}})


def test_an_expected_failure_must_be_one_of_the_contract() -> None:
    with pytest.raises(TypeError, match="no test of the contract"):
        type("Mine", (Suite,), {"expected_failures": {"test_question": "not asked"}})


def test_an_expected_failure_is_inherited_and_leaves_the_suite_alone() -> None:
    mine = type("Mine", (Suite,), {"expected_failures": {"test_answer": "the answer is late"}})
    assert type("Heir", (mine,), {})
    assert not hasattr(Suite.test_answer, "pytestmark")


BESIDE_A_SERVER = {"source", "target", "snapshot"}
"""What no server opens: a database that is left, one that is moved into, and a copy; tried where they are used."""


def test_every_kind_of_provider_has_a_suite() -> None:
    kinds = {provider.kind for _, provider in Hooks(Config()).collect("register_providers")}
    assert kinds - BESIDE_A_SERVER == set(SUITES)


EXPECTED_FAILURES = """
from chatcore.testing.contract import Contract

class Suite(Contract):
    answer = 42

    def test_answer(self):
        assert self.answer == 42

class TestFails(Suite):
    answer = 7
    expected_failures = {"test_answer": "it is seven"}

class TestPasses(Suite):
    expected_failures = {"test_answer": "it was seven"}
"""


def test_an_expected_failure_must_fail(pytester: pytest.Pytester) -> None:
    Path(pytester.path, "test_mine.py").write_text(EXPECTED_FAILURES)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(xfailed=1, failed=1)
