"""Failures inside the contract suite show their values."""

import pytest

pytest.register_assert_rewrite("chatcore.testing.storage")
