"""A real server in a process of its own, and people who speak to it over REST."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio

PATIENCE = 60.0
"""Seconds that a start may take before the test gives up; what it should take is for the tests to say."""
PASSWORD = "correct horse battery"
CHATCORE = Path(sys.executable).with_name("chatcore")
"""The command, as it is installed beside the interpreter of these tests."""
QUICK_PASSWORDS = str(Path(__file__).with_name("quick_passwords.py"))


def plain_http(base_url: str = "") -> httpx.AsyncClient:
    """A client for servers without TLS: reading the certificates of the world, for nothing, takes 30 ms."""
    return httpx.AsyncClient(base_url=base_url, timeout=30, verify=False)


@attrs.define(eq=False)
class Server:
    """`chatcore serve` in a folder. It can be killed and started again; its port stays the same."""

    folder: Path
    environ: dict[str, str] = attrs.field(factory=dict)
    wrapper: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    http: httpx.AsyncClient = attrs.field(init=False)
    _running: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.http = plain_http()
        # Many people share this client: what one of them is given must not be sent by the next.
        self.http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its process: no limits, and nothing of this machine's own configuration."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATCORE_")}
        return {**clean, "RATE_LIMITS": "off", "CHATCORE_PLUGINS": QUICK_PASSWORDS, **self.environ}

    async def start(self) -> float:
        """Start it and wait until it is ready; the seconds that took."""
        began = trio.current_time()
        command = [*self.wrapper, str(CHATCORE), "serve", "--port", str(self.port), *self.arguments]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.variables,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        with trio.fail_after(PATIENCE):
            line = await trio.to_thread.run_sync(self.process.stdout.readline, abandon_on_cancel=True)
        assert line.startswith(b"Chatcore is ready on http://"), (line, self.log())
        self.port = int(line.rpartition(b":")[2])
        self._running.set()
        return trio.current_time() - began

    @property
    def is_running(self) -> bool:
        """Whether it is ready, as far as is known."""
        return self._running.is_set()

    async def running(self) -> None:
        """Wait until it is ready."""
        await self._running.wait()

    def log(self) -> str:
        """What it wrote to stderr so far."""
        return (self.folder / "server.log").read_text()

    async def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        await self.stop(signal.SIGKILL)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to the whole process group and wait; the exit code."""
        process = self.process
        if process is None:
            return 0
        self._running = trio.Event()
        if process.poll() is None:
            os.killpg(process.pid, number)
        code = await trio.to_thread.run_sync(process.wait)
        assert process.stdout is not None
        process.stdout.close()
        self.process = None
        return code

    async def command(self, *arguments: str) -> str:
        """Run another `chatcore` command beside it, which must succeed; what that wrote to stdout."""
        done = await trio.run_process(
            [str(CHATCORE), *arguments], cwd=self.folder, env=self.variables, capture_stdout=True, capture_stderr=True
        )
        return done.stdout.decode()


@asynccontextmanager
async def serving(folder: Path, *, wrapper: tuple[str, ...] = (), **environ: str) -> AsyncIterator[Server]:
    """A server that runs while the context is open."""
    server = Server(folder, environ, wrapper)
    try:
        await server.start()
        yield server
    finally:
        with trio.CancelScope(shield=True):
            await server.http.aclose()
            await server.kill()


@attrs.define(eq=False)
class Person:
    """Somebody with an account, who speaks REST."""

    server: Server
    id: str
    email: str
    token: str

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request, whatever the answer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.server.http.request(method, self.server.url + path, json=body, headers=headers)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request that must succeed; its JSON."""
        answer = await self.call(method, path, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def register(server: Server, name: str) -> Person:
    """A new account."""
    email = f"{name.lower()}@example.org"
    body = {"email": email, "password": PASSWORD, "firstName": name, "lastName": "Example"}
    answer = await server.http.post(server.url + "/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return Person(server, answer.json()["user"]["id"], email, answer.json()["accessToken"])


@attrs.define(eq=False)
class Team:
    """A workspace with two people in it who share the channel `general`."""

    owner: Person
    other: Person
    workspace_id: str
    general: str

    @property
    def messages(self) -> str:
        """The address of the messages in `general`."""
        return f"/api/channels/{self.general}/messages"


async def make_team(server: Server) -> Team:
    """Register two people; one makes a workspace and invites the other."""
    owner, other = await register(server, "Ada"), await register(server, "Ben")
    workspace = await owner.ask("POST", "/api/workspaces", {"name": "Team", "slug": "team"})
    invite = await owner.ask("POST", "/api/workspaces/team/invites", {})
    await other.ask("POST", f"/api/invites/{invite['token']}/accept")
    channels = (await other.ask("GET", "/api/workspaces/team/channels"))["channels"]
    (general,) = [each["id"] for each in channels if each["name"] == "general"]
    return Team(owner, other, workspace["id"], general)


async def history(person: Person, channel_id: str) -> list[dict[str, Any]]:
    """Every message of a channel, newest first, by its pages."""
    found: list[dict[str, Any]] = []
    before = ""
    while True:
        page = await person.ask("GET", f"/api/channels/{channel_id}/messages?limit=100{before}")
        found += page["messages"]
        if not page["hasMore"]:
            return found
        before = f"&before={page['nextCursor']}"
