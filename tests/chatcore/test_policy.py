"""The policy, written down a second time as a table that a person can read, and compared cell by cell.

A cell says for owner, admin, member and guest, in this order: a capital may, a small letter may not (Forbidden), and
for a dot the channel does not exist (NotFound).
"""

from collections.abc import Iterator

import pytest

from chatcore import policy
from chatcore.errors import ChatError, Forbidden, NotFound
from chatcore.model import ChannelType, Role
from chatcore.policy import Action, Place, Standing

ROLES = (Role.OWNER, Role.ADMIN, Role.MEMBER, Role.GUEST)

WORKSPACE = """
    workspace.view            OAMG
    workspace.update          OAmg
    member.manage             OAmg
    invite.create             OAMg
    audit.view                OAmg
    channel.create            OAMg
    direct.open               OAMG
"""

PLACES = {
    "public": Place(ChannelType.PUBLIC),
    "private": Place(ChannelType.PRIVATE),
    "direct": Place(ChannelType.DIRECT),
    "general": Place(ChannelType.PUBLIC, is_general=True),
    "archived": Place(ChannelType.PUBLIC, archived=True),
    "closed": Place(ChannelType.PRIVATE, archived=True),
}
"""`+` in the head of a column: the actor is in the channel, `-`: is not."""

# `own`: the actor wrote the message, created the channel, or started the huddle. Without that word the actor did not.
CHANNEL = """
                          public+ public- private+ private- direct+ direct- general+ archived+ archived- closed+ closed-
channel.view              OAMG    OAM.    OAMG     ....     OAMG    ....    OAMG     OAMG      OAM.      OAMG    ....
channel.join              OAMg    OAM.    oamg     ....     oamg    ....    OAMg     oamg      oam.      oamg    ....
channel.leave             OAMG    oam.    OAMG     ....     oamg    ....    oamg     OAMG      oam.      OAMG    ....
channel.describe          OAMg    oam.    OAMg     ....     oamg    ....    OAMg     oamg      oam.      oamg    ....
channel.manage            OAmg    OAm.    OAmg     ....     oamg    ....    oamg     oamg      oam.      oamg    ....
channel.manage own        OAMG    OAM.    OAMG     ....     oamg    ....    oamg     oamg      oam.      oamg    ....
channel.unarchive         OAmg    OAm.    OAmg     ....     oamg    ....    OAmg     OAmg      OAm.      OAmg    ....
channel.unarchive own     OAMG    OAM.    OAMG     ....     oamg    ....    OAMG     OAMG      OAM.      OAMG    ....
channel.add_member        OAMg    oam.    OAMg     ....     oamg    ....    OAMg     oamg      oam.      oamg    ....
channel.remove_member     OAmg    OAm.    OAmg     ....     oamg    ....    oamg     OAmg      OAm.      OAmg    ....
channel.remove_member own OAMG    OAM.    OAMG     ....     oamg    ....    oamg     OAMG      OAM.      OAMG    ....
channel.read_mark         OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     OAMG      oam.      OAMG    ....
message.send              OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
message.edit              oamg    oam.    oamg     ....     oamg    ....    oamg     oamg      oam.      oamg    ....
message.edit own          OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
message.delete            OAmg    oam.    OAmg     ....     OAmg    ....    OAmg     oamg      oam.      oamg    ....
message.delete own        OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
reaction.change           OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
typing                    OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
huddle.start              OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
huddle.join               OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
huddle.moderate           OAmg    oam.    OAmg     ....     OAmg    ....    OAmg     oamg      oam.      oamg    ....
huddle.moderate own       OAMG    oam.    OAMG     ....     OAMG    ....    OAMG     oamg      oam.      oamg    ....
"""


def answer(action: Action, standing: Standing, place: Place | None) -> str:
    """`may`, `may not` or `hidden`."""
    try:
        policy.check(action, standing, place)
    except Forbidden:
        return "may not"
    except NotFound:
        return "hidden"
    return "may"


def expected(letter: str) -> str:
    return "hidden" if letter == "." else "may" if letter.isupper() else "may not"


def channel_cells() -> Iterator[tuple[Action, bool, str, str]]:
    """Action, whether the actor owns the thing, the column's head, the cell."""
    head, *lines = CHANNEL.strip("\n").splitlines()
    for line in lines:
        action, *cells = line.split()
        owns = cells[0] == "own"
        for column, cell in zip(head.split(), cells[owns:], strict=True):
            yield Action(action), owns, column, cell


@pytest.mark.parametrize("line", WORKSPACE.strip().splitlines(), ids=lambda line: line.split()[0])
def test_in_a_workspace(line: str) -> None:
    action, cell = line.split()
    for role, letter in zip(ROLES, cell, strict=True):
        assert answer(Action(action), Standing(role), None) == expected(letter), role
    assert answer(Action(action), Standing(None), None) == "hidden"


@pytest.mark.parametrize("action", [action for action in Action if action.value in CHANNEL], ids=str)
def test_in_a_channel(action: Action) -> None:
    for _, owns, column, cell in (line for line in channel_cells() if line[0] is action):
        place, joined = PLACES[column[:-1]], column[-1] == "+"
        for role, letter in zip(ROLES, cell, strict=True):
            standing = Standing(role, in_channel=joined, owns=owns)
            assert answer(action, standing, place) == expected(letter), (column, role, owns)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_exists_for_who_is_no_member(place: Place) -> None:
    for action in Action:
        for joined in (True, False):
            assert answer(action, Standing(None, in_channel=joined, owns=True), place) == "hidden"


def test_every_action_has_its_line() -> None:
    of_workspaces = [line.split()[0] for line in WORKSPACE.strip().splitlines()]
    of_channels = [action.value for action, owns, column, _ in channel_cells() if not owns and column == "public+"]
    assert sorted(of_workspaces + of_channels) == sorted(action.value for action in Action)
    assert set(policy.RULES) == set(Action)


def test_who_owns_nothing_special_gains_nothing_by_it() -> None:
    """The lines with `own` are all there need be: elsewhere owning changes no answer."""
    named = {action for action, owns, _, _ in channel_cells() if owns}
    for action in set(Action) - named:
        for place in PLACES.values():
            for role in ROLES:
                for joined in (True, False):
                    assert answer(action, Standing(role, joined, owns=True), place) == answer(
                        action, Standing(role, joined), place
                    )


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_hidden_is_told_as_if_there_were_nothing(place: Place) -> None:
    answers = set()
    for standing in (Standing(None), Standing(None, owns=True), Standing(Role.GUEST)):
        with pytest.raises(ChatError) as told:
            policy.check(Action.MESSAGE_SEND, standing, place)
        answers.add((type(told.value), told.value.message, str(told.value.details)))
    assert answers == {(NotFound, NotFound.of("channel").message, "{}")}


def test_a_refusal_says_what_to_do() -> None:
    for action in Action:
        for place in PLACES.values():
            for role in ROLES:
                reason = policy.refusal(action, Standing(role), place)
                assert reason is None or (reason.endswith(".") and len(reason) > 20)


# May the actor give these roles? (as above, for the role that is given)
GRANTS = {
    Role.OWNER: "OAMG",
    Role.ADMIN: "oAMG",
    Role.MEMBER: "oaMG",
    Role.GUEST: "oamg",
    None: "oamg",
}


@pytest.mark.parametrize("actor", GRANTS, ids=str)
def test_who_may_give_which_role(actor: Role | None) -> None:
    for role, letter in zip(ROLES, GRANTS[actor], strict=True):
        assert policy.may_grant(actor, role) == letter.isupper(), role


# May the actor change or remove those of these roles?
MANAGES = {
    Role.OWNER: "OAMG",
    Role.ADMIN: "oAMG",
    Role.MEMBER: "oamg",
    Role.GUEST: "oamg",
    None: "oamg",
}


@pytest.mark.parametrize("actor", MANAGES, ids=str)
def test_who_may_manage_whom(actor: Role | None) -> None:
    for role, letter in zip(ROLES, MANAGES[actor], strict=True):
        assert policy.may_manage(actor, role) == letter.isupper(), role
