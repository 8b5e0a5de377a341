"""Signing in and out over HTTP: tokens, cookies, forgery, guessing."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
from tests.chatserver.api import Answer, Api, Person, Team
from trio.testing import MockClock

from chatcore import Chat, Config

ADA = {"email": "ada@example.org", "password": "correct horse battery", "firstName": "Ada", "lastName": "Lovelace"}
LOGIN = {"email": ADA["email"], "password": ADA["password"]}


async def register(api: Api, **more: Any) -> Answer:
    answer = await api("POST", "/api/auth/register", {**ADA, **more})
    assert answer.status == 201, answer.text
    return answer


def jar(answer: Answer) -> dict[str, str]:
    """Name -> value of the cookies that an answer sets."""
    cookies: SimpleCookie = SimpleCookie()
    for line in answer.headers.getlist("set-cookie"):
        cookies.load(line)
    return {name: morsel.value for name, morsel in cookies.items()}


def as_browser(cookies: dict[str, str], *, csrf: str | None = None, **headers: str) -> dict[str, str]:
    """The headers of a browser with these cookies; `csrf`: what the page puts into X-CSRF-Token."""
    sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Host": "localhost"}
    if csrf is not None:
        sent["X-CSRF-Token"] = csrf
    return sent | {name.replace("_", "-"): value for name, value in headers.items()}


async def test_register_signs_in(api: Api) -> None:
    answer = await register(api)
    assert answer.data["user"]["email"] == "ada@example.org"
    assert answer.data["user"]["displayName"] == "Ada Lovelace"
    me = await api("GET", "/api/users/me", headers={"Authorization": f"Bearer {answer.data['accessToken']}"})
    assert me.data["firstName"] == "Ada"


async def test_the_same_e_mail_in_another_spelling_is_taken(api: Api) -> None:
    await register(api)
    again = await api("POST", "/api/auth/register", {**ADA, "email": "ADA@Example.ORG"})
    assert (again.status, again.code) == (409, "DUPLICATE_RESOURCE")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b\u0000.org"}, "email"),
        ({"email": "x" * 300 + "@example.org"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": 12345678}, "password"),
        ({"firstName": ""}, "firstName"),
        ({"firstName": "x" * 101}, "firstName"),
        ({"lastName": "new\nline"}, "lastName"),
        ({"workspaceSlug": "No Such"}, "workspaceSlug"),
        ({"role": "owner"}, "role"),
    ],
)
async def test_a_bad_registration_makes_no_account(api: Api, chat: Chat, change: dict[str, Any], field: str) -> None:
    refused = await api("POST", "/api/auth/register", ADA | change)
    assert (refused.status, refused.code) == (400, "VALIDATION_FAILED")
    assert field in refused.details
    assert await chat.users.list() == []


async def test_registration_joins_an_open_workspace_only(team: Team) -> None:
    body = {**ADA, "workspaceSlug": "team"}
    refused = await team.api("POST", "/api/auth/register", body)
    assert (refused.status, refused.code) == (403, "WORKSPACE_ACCESS_DENIED")
    await team.api("PUT", "/api/workspaces/team", {"settings": {"openJoin": True}}, by=team.owner)
    joined = await register(team.api, workspaceSlug="team")
    mine = await team.api("GET", "/api/workspaces", headers={"Authorization": f"Bearer {joined.data['accessToken']}"})
    assert [(found["slug"], found["role"]) for found in mine.data["workspaces"]] == [("team", "member")]


async def test_login_answers_wrong_passwords_and_unknown_people_alike(api: Api) -> None:
    await register(api)
    wrong = await api("POST", "/api/auth/login", {**LOGIN, "password": "wrong horse battery"})
    unknown = await api("POST", "/api/auth/login", {**LOGIN, "email": "nobody@example.org"})
    assert (wrong.status, wrong.code) == (unknown.status, unknown.code) == (401, "INVALID_CREDENTIALS")
    assert wrong.data["error"]["message"] == unknown.data["error"]["message"]
    assert jar(wrong) == {}
    right = await api("POST", "/api/auth/login", LOGIN)
    assert right.status == 200
    assert right.data["user"]["displayName"] == "Ada Lovelace"


async def test_login_into_a_workspace_is_for_its_members(team: Team) -> None:
    await register(team.api)
    refused = await team.api("POST", "/api/auth/login", {**LOGIN, "workspaceSlug": "team"})
    assert (refused.status, refused.code) == (403, "WORKSPACE_ACCESS_DENIED")
    assert jar(refused) == {}
    ada = await team.api.chat.users.by_email(ADA["email"])
    await team.api.chat.members.add(team.workspace, ada)
    assert (await team.api("POST", "/api/auth/login", {**LOGIN, "workspaceSlug": "team"})).status == 200


async def test_refresh_rotates(api: Api) -> None:
    first = await register(api)
    second = await api("POST", "/api/auth/refresh", {"refreshToken": first.data["refreshToken"]})
    assert second.status == 200
    assert second.data["refreshToken"] != first.data["refreshToken"]
    assert second.data["user"] == first.data["user"]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."])
async def test_refresh_refuses_what_it_did_not_sign(api: Api, token: str) -> None:
    refused = await api("POST", "/api/auth/refresh", {"refreshToken": token})
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")


async def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(api: Api) -> None:
    first = await register(api)
    assert (await api("POST", "/api/auth/refresh", {"refreshToken": first.data["accessToken"]})).status == 401
    bearer = {"Authorization": f"Bearer {first.data['refreshToken']}"}
    assert (await api("GET", "/api/users/me", headers=bearer)).status == 401


async def test_logout_ends_the_session(api: Api) -> None:
    first = await register(api)
    bearer = {"Authorization": f"Bearer {first.data['accessToken']}"}
    body = {"refreshToken": first.data["refreshToken"]}
    assert (await api("POST", "/api/auth/logout", body)).status == 204
    assert (await api("GET", "/api/users/me", headers=bearer)).status == 401
    assert (await api("POST", "/api/auth/refresh", body)).status == 401


async def test_logout_with_the_access_token_alone(api: Api) -> None:
    first = await register(api)
    bearer = {"Authorization": f"Bearer {first.data['accessToken']}"}
    assert (await api("POST", "/api/auth/logout", {}, headers=bearer)).status == 204
    assert (await api("GET", "/api/users/me", headers=bearer)).status == 401


async def test_logout_of_nobody_is_refused(api: Api) -> None:
    assert (await api("POST", "/api/auth/logout", {})).status == 401


async def test_logout_everywhere_ends_every_session(api: Api) -> None:
    first = await register(api)
    second = await api("POST", "/api/auth/login", LOGIN)
    bearers = [{"Authorization": f"Bearer {answer.data['accessToken']}"} for answer in (first, second)]
    assert (await api("POST", "/api/auth/logout-all", headers=bearers[0])).status == 204
    for bearer in bearers:
        assert (await api("GET", "/api/users/me", headers=bearer)).status == 401


async def test_a_new_password_ends_the_other_sessions_and_the_old_password(api: Api) -> None:
    first = await register(api)
    other = await api("POST", "/api/auth/login", LOGIN)
    bearer = {"Authorization": f"Bearer {first.data['accessToken']}"}
    wrong = {"currentPassword": "not this one at all", "newPassword": "another horse battery"}
    assert (await api("POST", "/api/auth/password", wrong, headers=bearer)).status == 401
    change = {"currentPassword": ADA["password"], "newPassword": "another horse battery"}
    assert (await api("POST", "/api/auth/password", change, headers=bearer)).status == 204
    assert (await api("GET", "/api/users/me", headers=bearer)).status == 200
    stale = {"Authorization": f"Bearer {other.data['accessToken']}"}
    assert (await api("GET", "/api/users/me", headers=stale)).status == 401
    assert (await api("POST", "/api/auth/login", LOGIN)).status == 401
    assert (await api("POST", "/api/auth/login", {**LOGIN, "password": "another horse battery"})).status == 200


# --- cookies and forgery -------------------------------------------------------------------------------------------


async def test_the_flags_of_the_cookies(api: Api) -> None:
    lines = (await register(api)).headers.getlist("set-cookie")
    assert [line.partition("=")[0] for line in lines] == ["chatcore_access", "chatcore_refresh", "chatcore_csrf"]
    for line in lines:
        assert "; Path=/" in line
        assert "; SameSite=Lax" in line
        assert "; Secure" not in line
    assert [line.endswith("HttpOnly") for line in lines] == [True, True, False]


async def test_over_tls_cookies_are_bound_to_the_host(api: Api) -> None:
    answer = await api("POST", "/api/auth/register", ADA, scheme="https")
    lines = answer.headers.getlist("set-cookie")
    assert all(line.startswith("__Host-chatcore_") and "; Secure" in line for line in lines)
    assert not any("Domain" in line for line in lines)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    cookies = jar(answer)
    assert (await api("GET", "/api/users/me", headers=as_browser(cookies), scheme="https")).status == 200
    plain = {name.removeprefix("__Host-"): value for name, value in cookies.items()}
    planted = await api("GET", "/api/users/me", headers=as_browser(plain), scheme="https")
    assert planted.status == 401, "a cookie without the prefix may have been planted by a neighbour"


async def test_cookies_sign_in_and_changes_need_the_csrf_token(api: Api) -> None:
    cookies = jar(await register(api))
    name = {"displayName": "Countess"}
    assert (await api("GET", "/api/users/me", headers=as_browser(cookies))).status == 200
    without = await api("PATCH", "/api/users/me", name, headers=as_browser(cookies))
    assert (without.status, without.code) == (403, "INSUFFICIENT_PERMISSIONS")
    wrong = await api("PATCH", "/api/users/me", name, headers=as_browser(cookies, csrf="wrong"))
    assert wrong.status == 403
    right = await api("PATCH", "/api/users/me", name, headers=as_browser(cookies, csrf=cookies["chatcore_csrf"]))
    assert right.status == 200
    assert right.data["displayName"] == "Countess"


async def test_a_csrf_token_of_another_session_is_worth_nothing(api: Api) -> None:
    mine = jar(await register(api))
    foreign = jar(await register(api, email="eve@example.org"))["chatcore_csrf"]
    planted = mine | {"chatcore_csrf": foreign}
    refused = await api("PATCH", "/api/users/me", {}, headers=as_browser(planted, csrf=foreign))
    assert refused.status == 403


async def test_a_csrf_token_cannot_be_made_up(api: Api) -> None:
    planted = jar(await register(api)) | {"chatcore_csrf": "made-up"}
    assert (await api("PATCH", "/api/users/me", {}, headers=as_browser(planted, csrf="made-up"))).status == 403


async def test_bearer_tokens_need_no_csrf_token(team: Team) -> None:
    assert (await team.api("PATCH", "/api/users/me", {}, by=team.member)).status == 200


async def test_a_bad_bearer_token_is_not_made_up_for_by_cookies(api: Api) -> None:
    cookies = jar(await register(api))
    headers = as_browser(cookies) | {"Authorization": "Bearer nonsense"}
    assert (await api("GET", "/api/users/me", headers=headers)).status == 401


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True),
        ("https://trusted.example.org", True),
        ("http://localhost:3000", False),
        ("https://localhost", False),
        ("http://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://evillocalhost", False),
        ("https://trusted.example.org.evil.example", False),
        ("https://trusted.example.org:8443", False),
        ("http://trusted.example.org", False),
        ("null", False),
        ("", False),
        ("http://localhost@evil.example", False),
        ("file://", False),
    ],
)
class TestOrigins:
    @pytest.fixture
    def config(self) -> Config:
        return Config(
            database_url="memory:", bcrypt_rounds=4, rate_limits="off", allowed_origins=("https://trusted.example.org",)
        )

    async def test_changes_by_cookie(self, api: Api, origin: str, allowed: bool) -> None:
        cookies = jar(await register(api))
        sent = as_browser(cookies, csrf=cookies["chatcore_csrf"], Origin=origin)
        assert (await api("PATCH", "/api/users/me", {}, headers=sent)).status == (200 if allowed else 403)

    async def test_login(self, api: Api, origin: str, allowed: bool) -> None:
        await register(api)
        answer = await api("POST", "/api/auth/login", LOGIN, headers={"Host": "localhost", "Origin": origin})
        assert answer.status == (200 if allowed else 403)
        assert bool(jar(answer)) is allowed

    async def test_reading_of_answers(self, api: Api, origin: str, allowed: bool) -> None:
        answer = await api("GET", "/api/health", headers={"Host": "localhost", "Origin": origin})
        assert answer.status == 200
        assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert answer.headers["vary"] == "Origin"

    async def test_preflight(self, api: Api, origin: str, allowed: bool) -> None:
        sent = {"Host": "localhost", "Origin": origin, "Access-Control-Request-Method": "PATCH"}
        answer = await api("OPTIONS", "/api/users/me", headers=sent)
        assert answer.status == 204
        assert ("access-control-allow-methods" in answer.headers) is allowed
        assert answer.headers["allow"] == "GET, PATCH, OPTIONS"


async def test_another_site_is_refused_even_without_origin(api: Api) -> None:
    refused = await api("POST", "/api/auth/login", LOGIN, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status == 403


async def test_refresh_by_cookie_needs_the_csrf_token(api: Api) -> None:
    cookies = jar(await register(api))
    only_refresh = {name: value for name, value in cookies.items() if name != "chatcore_access"}
    assert (await api("POST", "/api/auth/refresh", {}, headers=as_browser(only_refresh))).status == 403
    csrf = cookies["chatcore_csrf"]
    refreshed = await api("POST", "/api/auth/refresh", {}, headers=as_browser(only_refresh, csrf=csrf))
    assert refreshed.status == 200
    assert jar(refreshed)["chatcore_refresh"] == refreshed.data["refreshToken"]


async def test_logout_by_cookie_forgets_the_cookies(api: Api) -> None:
    cookies = jar(await register(api))
    assert (await api("POST", "/api/auth/logout", {}, headers=as_browser(cookies))).status == 403
    left = await api("POST", "/api/auth/logout", headers=as_browser(cookies, csrf=cookies["chatcore_csrf"]))
    assert left.status == 204
    assert jar(left) == {"chatcore_access": "", "chatcore_refresh": "", "chatcore_csrf": ""}
    assert all("Max-Age=0" in line for line in left.headers.getlist("set-cookie"))
    assert (await api("GET", "/api/users/me", headers=as_browser(cookies))).status == 401


# --- tokens that are not what they seem ----------------------------------------------------------------------------


async def test_bots_sign_in_by_their_token(api: Api, chat: Chat) -> None:
    bot = await api.person("robot", is_bot=True)
    assert bot.token.startswith("cct_")
    me = await api("GET", "/api/users/me", by=bot)
    assert me.data["isBot"] is True
    (token,) = await chat.tokens.list(bot.user)
    await chat.tokens.revoke(token.id)
    assert (await api("GET", "/api/users/me", by=bot)).status == 401


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Bearer cct_x", "bearer a.b.c", "Basic YTpi", "Bearer é", "x" * 9000],
)
async def test_no_good_authorization_is_401(api: Api, header: str) -> None:
    refused = await api("GET", "/api/users/me", headers={"Authorization": header})
    assert refused.status == 401
    assert refused.code in ("UNAUTHORIZED", "TOKEN_EXPIRED")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_deactivated_person_is_out(api: Api, chat: Chat) -> None:
    person: Person = await api.person("gone")
    assert (await api("GET", "/api/users/me", by=person)).status == 200
    await chat.users.deactivate(person.user)
    assert (await api("GET", "/api/users/me", by=person)).status == 401


class TestClosed:
    @pytest.fixture(params=["closed", "invite"])
    def config(self, request: pytest.FixtureRequest) -> Config:
        return Config(database_url="memory:", bcrypt_rounds=4, rate_limits="off", registration=request.param)

    async def test_registration(self, team: Team, config: Config) -> None:
        refused = await team.api("POST", "/api/auth/register", ADA)
        assert (refused.status, refused.code) == (403, "INSUFFICIENT_PERMISSIONS")
        invite = await team.api("POST", "/api/workspaces/team/invites", {}, by=team.owner)
        with_invite = await team.api("POST", "/api/auth/register", {**ADA, "inviteToken": invite.data["token"]})
        assert with_invite.status == (201 if config.registration == "invite" else 403)


class TestGuessing:
    @pytest.fixture
    def config(self) -> Config:
        return Config(database_url="memory:", bcrypt_rounds=4)

    @pytest.fixture(autouse=True)
    def stand_still(self, mock_clock: MockClock) -> None:
        """No window ends while a slow machine is at it."""

    async def test_an_address_has_five_tries(self, api: Api) -> None:
        wrong = {**LOGIN, "password": "wrong horse battery"}
        for _ in range(5):
            assert (await api("POST", "/api/auth/login", wrong)).status == 401
        refused = await api("POST", "/api/auth/login", wrong)
        assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(refused.headers["retry-after"]) <= 900
        assert refused.details == {"retryAfter": int(refused.headers["retry-after"])}
        assert (await api("POST", "/api/auth/login", wrong, peer="192.0.2.2")).status == 401
        spoofed = await api("POST", "/api/auth/login", wrong, headers={"X-Forwarded-For": "192.0.2.3"})
        assert spoofed.status == 429

    async def test_an_account_is_guessed_from_everywhere_in_vain_known_or_not(self, api: Api) -> None:
        await register(api)
        for email in (ADA["email"], "nobody@example.org"):
            body = {"email": email, "password": "wrong horse battery"}
            for number in range(20):
                answer = await api("POST", "/api/auth/login", body, peer=f"198.51.100.{number}")
                assert answer.status == 401
            assert (await api("POST", "/api/auth/login", body, peer="203.0.113.1")).status == 429

    async def test_success_forgives_the_account(self, api: Api) -> None:
        await register(api)
        for number in range(25):
            answer = await api("POST", "/api/auth/login", LOGIN, peer=f"198.51.100.{number}")
            assert answer.status == 200

    async def test_three_registrations_an_hour(self, api: Api) -> None:
        for number in range(3):
            await register(api, email=f"ada{number}@example.org")
        refused = await api("POST", "/api/auth/register", ADA)
        assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")

    async def test_sixty_messages_a_minute(self, team: Team) -> None:
        for number in range(60):
            await team.say(f"message {number}", by=team.member)
        body = {"content": "one too many"}
        path = f"/api/channels/{team.general.id}/messages"
        refused = await team.api("POST", path, body, by=team.member)
        assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
        assert (await team.api("POST", path, body, by=team.owner)).status == 201
        assert (await team.api("GET", path, by=team.member)).status == 200
