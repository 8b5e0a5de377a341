"""Guessing by way of several nodes: no more tries than at one, whatever is said about where they come from, and nothing
that tells who has an account.
"""

import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from statistics import median

import attrs
import pytest
import trio
from tests.chatserver.api import Answer, Api, Document, Person

from chatcore.chat import Chat
from chatcore.model import User
from chatcore.testing.exchange import Exchange
from chatcore.testing.nodes import Nodes, open_nodes
from chatserver.app import create_app

pytestmark = [pytest.mark.programme, pytest.mark.own_storage]

PASSWORD, WRONG = "correct horse battery", "wrong horse battery"
PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")
ELSEWHERE = "203.0.113.7"

TOLERANCE = 0.05
ROUNDS = 8
AGAIN = 4
"""How often a difference is looked at anew, each time longer: another program may have taken the caches away."""


@attrs.define(eq=False)
class Site:
    """Nodes with the limits that a server has, behind proxies of ours, and somebody to be guessed."""

    nodes: Nodes
    apis: list[Api]
    ada: User
    document: Document

    async def login(self, node: int, email: str = "ada@example.org", password: str = WRONG, **how: str) -> Answer:
        """Try a password at a node; `how`: the `peer`, and what it says in `forwarded`."""
        return await self.ask(node, "/api/auth/login", {"email": email, "password": password}, **how)

    async def ask(
        self,
        node: int,
        path: str,
        body: dict[str, str],
        *,
        by: Person | None = None,
        peer: str = ELSEWHERE,
        forwarded: str | None = None,
    ) -> Answer:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        return await self.apis[node % len(self.apis)]("POST", path, body, by=by, peer=peer, headers=headers)


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture
async def site(document: Document) -> AsyncIterator[Site]:
    async with open_nodes(2, exchange=Exchange(), bcrypt_rounds=4, trusted_proxies=PROXIES) as nodes:
        ada = await nodes.chats[0].users.create(email="ada@example.org", display_name="Ada", password=PASSWORD)
        yield Site(nodes, [Api(chat, create_app(chat), document) for chat in nodes.chats], ada, document)


def codes(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


# --- from one address ------------------------------------------------------------------------------------------------


async def test_an_address_has_five_tries_at_all_nodes_together(site: Site) -> None:
    assert codes([await site.login(number) for number in range(8)]) == [401] * 5 + [429] * 3
    refused = await site.login(0, password=PASSWORD)
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert (await site.login(1, peer="203.0.113.8", password=PASSWORD)).status == 200


async def test_tries_at_once_are_no_more(site: Site) -> None:
    answers: list[Answer] = []

    async def attempt(node: int) -> None:
        answers.append(await site.login(node))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(attempt, number)
    assert 1 <= codes(answers).count(401) <= 5
    assert set(codes(answers)) == {401, 429}


async def test_a_node_that_has_just_started_knows(site: Site) -> None:
    for number in range(5):
        await site.login(number)
    async with site.nodes.another("node 3") as chat:
        site.apis.append(Api(chat, create_app(chat), site.document))
        assert (await site.login(2)).status == 429


async def test_nodes_that_cannot_hear_each_other_count_together(site: Site) -> None:
    """The counters are in the storage: an attacker gains nothing by the loss of the bus."""
    site.nodes.exchange.cut("node 2")
    assert codes([await site.login(number) for number in range(7)]) == [401] * 5 + [429] * 2


async def test_three_accounts_an_hour_are_made_at_all_nodes_together(site: Site) -> None:
    answers = [
        await site.ask(
            number,
            "/api/auth/register",
            {"email": f"p{number}@example.org", "password": PASSWORD, "firstName": "P", "lastName": "Q"},
        )
        for number in range(5)
    ]
    assert codes(answers) == [201] * 3 + [429] * 2


# --- from everywhere -------------------------------------------------------------------------------------------------


async def test_an_account_is_guessed_from_everywhere_in_vain_known_or_not(site: Site) -> None:
    told: list[list[tuple[int, str, str]]] = []
    for email in ("ada@example.org", "nobody@example.org"):
        answers = [await site.login(number, email, peer=f"198.51.100.{number}") for number in range(23)]
        assert codes(answers) == [401] * 20 + [429] * 3
        told.append([(each.status, each.code, each.data["error"]["message"][:30]) for each in answers])
    assert told[0] == told[1]


async def test_a_stolen_session_guesses_the_password_in_vain(site: Site) -> None:
    signed_in = await site.nodes.chats[0].sessions.open(site.ada)
    thief = Person(user=site.ada, token=signed_in.access_token)
    body = {"currentPassword": WRONG, "newPassword": "a new horse battery"}
    answers = [
        await site.ask(number, "/api/auth/password", body, by=thief, peer=f"198.51.100.{number}")
        for number in range(23)
    ]
    assert codes(answers) == [401] * 20 + [429] * 3


async def test_who_knows_the_password_is_let_in_by_every_node(site: Site) -> None:
    for number in range(25):
        answer = await site.login(number, password=PASSWORD, peer=f"198.51.100.{number}")
        assert answer.status == 200


# --- what is said about where they come from -------------------------------------------------------------------------

MADE_UP = "192.0.2.{}"

LIES: dict[str, Callable[[int], tuple[str, str]]] = {
    "not by a proxy": lambda n: (ELSEWHERE, MADE_UP.format(n)),
    "before the proxy": lambda n: ("10.0.0.1", f"{MADE_UP.format(n)}, {ELSEWHERE}"),
    "by one proxy or the other": lambda n: (f"10.0.{n}.1", f"{MADE_UP.format(n)}, {ELSEWHERE}"),
    "before two proxies": lambda n: ("10.0.0.1", f"{MADE_UP.format(n)}, {ELSEWHERE}, 10.9.9.9"),
    "as one of our proxies": lambda n: (ELSEWHERE, f"{MADE_UP.format(n)}, 10.0.0.{n}"),
    "in many parts": lambda n: ("10.0.0.1", ", ".join([MADE_UP.format(n)] * 50 + [ELSEWHERE])),
    "what is no address": lambda n: ("10.0.0.1", f"{MADE_UP.format(n)}, unknown-{n}, {ELSEWHERE}"),
    "in the other form": lambda n: ("10.0.0.1", ELSEWHERE if n % 2 else f"::ffff:{ELSEWHERE}"),
    "over the proxy's IPv6": lambda n: ("2001:db8:ffff::1" if n % 2 else "::ffff:10.0.0.1", ELSEWHERE),
    "with many addresses of a home": lambda n: ("10.0.0.1", f"2001:db8:1:2::{n + 1:x}"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_lies_about_the_address_gain_nothing(site: Site, lie: str) -> None:
    answers = []
    for number in range(9):
        peer, forwarded = LIES[lie](number)
        answers.append(await site.login(number, f"p{number}@example.org", peer=peer, forwarded=forwarded))
    assert codes(answers) == [401] * 5 + [429] * 4


async def test_nobody_pays_for_the_neighbour_behind_the_same_proxy(site: Site) -> None:
    for number in range(7):
        await site.login(number, peer="10.0.0.1", forwarded=ELSEWHERE)
    for node in range(2):
        answer = await site.login(node, password=PASSWORD, peer="10.0.0.1", forwarded="203.0.113.8")
        assert answer.status == 200
    # Nor can anybody have another pay: whom they name stands before their own address.
    for number in range(7):
        await site.login(number, peer="10.0.0.1", forwarded=f"203.0.113.9, {ELSEWHERE}")
    assert (await site.login(0, password=PASSWORD, peer="10.0.0.1", forwarded="203.0.113.9")).status == 200


# --- the time that it takes ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.alone
async def test_the_time_does_not_tell_who_has_an_account(document: Document) -> None:
    """In the time of the processor, by turns at two nodes, at the cost that a server has."""
    async with open_nodes(2, trusted_proxies=PROXIES, rate_limits="off") as nodes:
        emails = await _accounts(nodes)
        apis = [Api(chat, create_app(chat), document) for chat in nodes.chats]
        for attempt in range(1, AGAIN + 1):
            spent = await _work_of(apis, emails, ROUNDS * attempt)
            nobody = spent.pop("nobody")
            differences = {kind: round(work / nobody - 1, 3) for kind, work in spent.items()}
            if all(abs(difference) <= TOLERANCE for difference in differences.values()):
                return
        pytest.fail(f"{differences}")


async def _accounts(nodes: Nodes) -> dict[str, str]:
    """The e-mail of an account of each kind, of none, and of one from before the cost was raised."""
    here = nodes.chats[0]
    people = {
        kind: await here.users.create(email=f"{kind}@example.org", display_name=kind, password=password, is_bot=bot)
        for kind, password, bot in (
            ("somebody", PASSWORD, False),
            ("closed", PASSWORD, False),
            ("passwordless", None, False),
            ("bot", None, True),
        )
    }
    await here.users.deactivate(people["closed"])
    async with open_nodes(1, bcrypt_rounds=10) as before:
        old = await _sealed_at_another(before.chats[0], here)
    return {kind: user.email for kind, user in people.items()} | {"old": old.email, "nobody": "nobody@example.org"}


async def _sealed_at_another(there: Chat, here: Chat) -> User:
    """An account here whose password was hashed by a server with other settings."""
    user = await here.users.create(email="old@example.org", display_name="old", password=PASSWORD)
    made = await there.users.create(email="old@example.org", display_name="old", password=PASSWORD)
    sealed = await there.storage.read(lambda tx: tx.credentials.get(made.id, "password"))
    assert sealed is not None
    credential = attrs.evolve(sealed, user_id=user.id)
    await here.storage.write(lambda tx: tx.credentials.update(credential))
    return user


async def _work_of(apis: list[Api], emails: dict[str, str], rounds: int) -> dict[str, float]:
    """Seconds of the processor for a wrong password, by the kind of account: medians of tries that take turns."""
    spent: dict[str, list[float]] = {kind: [] for kind in emails}
    turn = count()
    for _ in range(rounds):
        for kind, email in emails.items():
            api = apis[next(turn) % len(apis)]
            began = time.process_time()
            answer = await api("POST", "/api/auth/login", {"email": email, "password": WRONG})
            spent[kind].append(time.process_time() - began)
            assert answer.code == "INVALID_CREDENTIALS"
    return {kind: median(found) for kind, found in spent.items()}
