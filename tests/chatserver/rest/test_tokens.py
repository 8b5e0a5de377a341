"""Tokens of bots over REST: what the table of permissions does not say."""

from tests.programme.inside import Inside, Person, inside

from chatcore.model import Role, TokenScope


async def test_a_token_is_made_used_listed_and_revoked() -> None:
    async with inside() as server:
        owner, bot, path = await make_bot(server)
        made = await server.rest(owner, "POST", path, {"name": "ci", "scopes": ["channels:read"], "expiresIn": 60})
        assert made.status_code == 201
        by = Person("bot", bot.user, made.json()["secret"])
        assert (await server.rest(by, "GET", "/api/workspaces/team/channels")).status_code == 200
        assert (await server.rest(by, "GET", "/api/workspaces/team/members")).json()["error"]["code"] == "MISSING_SCOPE"
        listed = await server.rest(owner, "GET", path)
        assert by.token not in listed.text
        (shown,) = [each for each in listed.json()["tokens"] if each["name"] == "ci"]
        assert (shown["scopes"], shown["createdBy"]) == (["channels:read"], owner.id)
        assert (await server.rest(owner, "DELETE", f"{path}/{shown['id']}")).status_code == 204
        assert (await server.rest(by, "GET", "/api/workspaces/team/channels")).status_code == 401


async def test_a_token_for_less_cannot_make_one_for_more() -> None:
    async with inside() as server:
        _, bot, path = await make_bot(server, Role.ADMIN)
        _, text = await server.chat.tokens.create(bot.id, name="admin", scopes=[TokenScope.ADMIN])
        by = Person("bot", bot.user, text)
        for more in ({}, {"scopes": ["admin", "messages:read"]}):
            refused = await server.rest(by, "POST", path, {"name": "more", **more})
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "MISSING_SCOPE")
        assert (await server.rest(by, "POST", path, {"name": "as much", "scopes": ["admin"]})).status_code == 201


async def test_people_have_no_tokens_and_a_token_of_another_bot_is_not_there() -> None:
    async with inside() as server:
        owner, _, path = await make_bot(server)
        other = await server.person("bot")
        (foreign,) = await server.chat.tokens.list(other.id)
        assert (await server.rest(owner, "DELETE", f"{path}/{foreign.id}")).status_code == 404
        mine = f"/api/workspaces/team/members/{owner.id}/tokens"
        assert (await server.rest(owner, "POST", mine, {"name": "x"})).status_code == 400
        assert (await server.rest(owner, "POST", path, {"name": "x", "scopes": []})).status_code == 400
        assert (await server.rest(owner, "POST", path, {"name": "x", "scopes": ["all"]})).status_code == 400


async def make_bot(server: Inside, role: Role = Role.MEMBER) -> tuple[Person, Person, str]:
    """An owner, a bot in their workspace `team`, and where its tokens are."""
    owner, bot = await server.person("owner"), await server.person("bot")
    team = await server.chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
    await server.chat.members.add(team, bot.id, role=role)
    return owner, bot, f"/api/workspaces/team/members/{bot.id}/tokens"
