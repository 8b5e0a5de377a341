"""The plugins among the examples, as an operator loads them: by path, in a chat that is real but for its place."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import trio
from tests.examples.directory import a_directory
from tests.examples.mail import a_mail_server

from chatcore.errors import InvalidCredentials, Unavailable, ValidationFailed
from chatcore.testing.kit import open_kit

EXAMPLES = Path(__file__).parents[2] / "examples"
MAIL, RETENTION = EXAMPLES / "mail_mentions.py", EXAMPLES / "retention.py"
DIRECTORY, COIN = EXAMPLES / "directory_sign_in.py", EXAMPLES / "coin.py"
KARMA = EXAMPLES / "karma.py"
DAY = 24 * 3600.0


async def test_mail_goes_to_who_is_mentioned_and_away() -> None:
    async with a_mail_server() as (mails, port):
        settings = {"mail_mentions": {"server": "127.0.0.1", "port": port, "sender": "chat@example.org"}}
        async with open_kit(plugins=[MAIL], people=("ada", "ben", "cyd"), settings=settings) as kit:
            await kit.chat.presence.connect(kit.cyd, "laptop")
            await kit.say("ada", f"Lunch, <@{kit.ben.id}> and <@{kit.cyd.id}>? Says <@{kit.ada.id}>.")
            await kit.say("ada", "Nobody in particular")
            await kit.chat.hooks.settled()
    (mail,) = mails
    assert (mail["To"], mail["From"], mail["Subject"]) == ("ben@example.org", "chat@example.org", "Ada mentioned you")
    assert "Lunch" in mail.get_content()


async def test_a_mail_server_that_is_away_costs_the_chat_nothing(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"mail_mentions": {"server": "127.0.0.1", "port": 1}}
    async with open_kit(plugins=[MAIL], settings=settings) as kit:
        await kit.say("ada", f"<@{kit.ben.id}>")
        await kit.chat.hooks.settled()
        await kit.say("ada", "still here")
        assert len(await kit.history()) == 2
    assert "mail_mentions failed in message_sent" in caplog.text


async def test_old_messages_go_where_the_account_is(autojump_clock: trio.testing.MockClock) -> None:
    settings = {"retention": {"account": "ada@example.org", "days": 30}}
    async with open_kit(plugins=[RETENTION], settings=settings, rooms=("general", "archive")) as kit:
        await kit.chat.channels.leave(kit.room("archive"), actor=kit.ada)
        for number in range(250):
            await kit.say("ben", f"old {number}")
        await kit.say("ben", "kept elsewhere", room="archive")
        kit.clock.jump(timedelta(days=29).total_seconds())
        await kit.say("ben", "young")
        await trio.sleep(1.5 * 3600)
        assert len(await kit.history()) == 100, "nothing is old yet"
        kit.clock.jump(DAY)
        await trio.sleep(3600)
        assert await kit.history() == ["young"]
        kit.clock.jump(30 * DAY)
        await trio.sleep(3600)
        assert await kit.history() == []
        page = await kit.chat.messages.history(kit.room("archive"), actor=kit.ben)
        assert [message.content for message in page.messages] == ["kept elsewhere"]


async def test_the_directory_lets_people_in() -> None:
    name = "mail=dora@example.org,ou=people"
    async with a_directory({name: "open sesame"}) as (directory, port):
        config = {"server": "127.0.0.1", "port": port, "tls": False, "user_dn": "mail={email},ou=people"}
        async with open_kit(plugins=[DIRECTORY], settings={"directory_sign_in": config}) as kit:
            sign_in = kit.chat.sessions.sign_in
            await kit.chat.users.create(email="hand@example.org", password="made by hand")
            assert (await sign_in(email="hand@example.org", password="made by hand")).user.email == "hand@example.org"
            assert directory.asked == []
            first = await sign_in(email="Dora@Example.org", password="open sesame")
            assert directory.asked == [name]
            assert (await sign_in(email="dora@example.org", password="open sesame")).user.id == first.user.id
            for email, password in (
                ("dora@example.org", "wrong"),
                ("dora@example.org", ""),
                ("eve@example.org", "open sesame"),
                ("eve,mail=dora@example.org", "open sesame"),
            ):
                with pytest.raises(InvalidCredentials):
                    await sign_in(email=email, password=password)
            await kit.chat.users.deactivate(first.user)
            with pytest.raises(InvalidCredentials):
                await sign_in(email="dora@example.org", password="open sesame")


async def test_a_directory_that_is_away_is_said_so(autojump_clock: trio.testing.MockClock) -> None:
    config = {"server": "127.0.0.1", "port": 1, "tls": False, "user_dn": "mail={email}"}
    async with open_kit(plugins=[DIRECTORY], settings={"directory_sign_in": config}) as kit:
        with pytest.raises(Unavailable, match="directory"):
            await kit.chat.sessions.sign_in(email="dora@example.org", password="open sesame")


async def test_a_coin_is_flipped_for_all_and_answered_to_one() -> None:
    async with open_kit(plugins=[COIN]) as kit:
        (command,) = await kit.chat.commands.list(kit.workspace, actor=kit.ben)
        assert (command.name, command.parameters[0].choices) == ("flip", ("heads", "tails"))
        answer = await kit.say("ada", "/flip heads")
        (said,) = await kit.history()
        assert (said, answer.content) in {
            ("flips a coin: heads.", "You win."),
            ("flips a coin: tails.", "You lose."),
        }
        assert (await kit.say("ada", "/flip")).content == ""
        with pytest.raises(ValidationFailed, match="heads or tails"):
            await kit.say("ada", "/flip edge")
        assert len(await kit.history()) == 2


def test_the_hosts_own_users_get_tokens(tmp_path: Path) -> None:
    example = str(EXAMPLES / "embed_host_users.py")
    code = f"import runpy, trio; trio.run(runpy.run_path({example!r})['main'], 0, {{'k': 'ada@example.org'}})"
    server = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        with server.stdout, httpx.Client(base_url=server.stdout.readline().decode().split()[-1]) as web:
            assert web.post("/chat-token", headers={"X-App-Key": "forged"}).status_code == 401
            tokens = [web.post("/chat-token", headers={"X-App-Key": "k"}).json() for _ in range(2)]
            me = [web.get("/api/users/me", headers={"Authorization": f"Bearer {t['accessToken']}"}) for t in tokens]
            assert [each.json()["email"] for each in me] == ["ada@example.org"] * 2
            login = {"email": "ada@example.org", "password": "anything at all"}
            assert web.post("/api/auth/login", json=login).status_code == 401
    finally:
        server.kill()
        server.wait()


async def test_points_are_kept_in_a_table_of_the_plugin(tmp_path: Path) -> None:
    async with open_kit(plugins=[KARMA], people=("ada", "ben", "cyd")) as kit:
        assert (await kit.say("ada", "/karma")).content == "Nobody has any points yet."
        await kit.say("ada", f"<@{kit.ben.id}> ++ and <@{kit.cyd.id}>++, not <@{kit.ada.id}> ++")
        await kit.say("cyd", f"<@{kit.ben.id}>++ <@{kit.ben.id}>++")
        await kit.settle()
        assert (await kit.say("ada", "/karma")).content == "2 Ben\n1 Cyd"
        [(_, metric)] = [each for each in kit.chat.hooks.metrics() if each[0] == "karma"]
        assert metric.read() == 3
        [(_, command)] = [each for each in kit.chat.hooks.cli() if each[0] == "karma"]
        assert await command.run(kit.chat, limit="1") == [{"name": "Ben", "points": 2}]
