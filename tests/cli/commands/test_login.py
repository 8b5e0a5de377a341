"""`chatcore login`: what is checked before anything is sent."""

import pytest
from tests.cli.shell import Run, said

from chatcli.commands.login import warn_if_open


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "https://example.org"]
)
def test_what_nobody_can_listen_to_is_no_warning(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    warn_if_open(url)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("url", ["http://example.org", "http://192.168.1.5:8000", "http://localhost.example.org"])
def test_a_password_in_the_clear_is_a_warning(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    warn_if_open(url)
    assert "not encrypted" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "http://", "//example.org"])
def test_an_address_is_a_web_address(run: Run, url: str) -> None:
    done = run("login", url, "--email", "ada@example.org", "--password-stdin", input="x\n")
    assert "is no address of a server" in said(done)
    assert done.exit_code == 2


def test_a_script_names_the_account(run: Run) -> None:
    done = run("login", "http://127.0.0.1:1", "--password-stdin", input="x\n")
    assert "needs --email" in said(done)
    assert done.exit_code == 2
