"""Each example runs, and does what its page says."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from chatcore import Config, open_chat
from chatcore.errors import Rejected

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_embed_trio() -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "embed_trio.py"], capture_output=True, timeout=30)
    assert done.stdout.decode().splitlines() == ["Ada: Is there coffee?", "Ben: Yes."], done.stderr.decode()


def test_embed_quart(tmp_path: Path) -> None:
    code = f"import runpy, trio; trio.run(runpy.run_path({str(EXAMPLES / 'embed_quart.py')!r})['main'], 0)"
    server = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        with server.stdout:
            url = server.stdout.readline().decode().split()[-1]
            assert httpx.get(f"{url}/").text == "The chat's API is below /api."
            assert httpx.get(f"{url}/api/health").is_success
    finally:
        server.kill()
        server.wait()


async def test_nospam() -> None:
    config = Config(plugins=(str(EXAMPLES / "nospam.py"),), plugin_settings={"nospam": {"words": ["buy now"]}})
    async with open_chat("memory:", config=config) as chat:
        ada = await chat.users.create(email="ada@example.org", display_name="Ada")
        team = await chat.workspaces.create(name="Team", slug="team", owner=ada)
        room = await chat.channels.create(team, name="room", actor=ada)
        await chat.messages.send(room, author=ada, content="spam is fine here")
        with pytest.raises(Rejected) as refused:
            await chat.messages.send(room, author=ada, content="buy now!")
        assert refused.value.details["code"] == "nospam"
