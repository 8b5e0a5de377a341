"""Signing in and out."""

import hashlib

import attrs

from chatcore.errors import NotFound, Unauthorized, ValidationFailed, WorkspaceDenied
from chatcore.ids import UserId
from chatcore.model import TokenScope
from chatcore.service.identity import SignedIn
from chatcore.text import normalise_email
from chatserver import csrf, sessions
from chatserver.cookies import REFRESH, read
from chatserver.fields import Email, Password, PersonName, Slug, Token
from chatserver.parts import Call
from chatserver.route import Auth, route


@attrs.frozen(kw_only=True)
class RegisterRequest:
    """`workspaceSlug` joins an open workspace, `inviteToken` the workspace of an invite."""

    email: Email
    password: Password
    first_name: PersonName
    last_name: PersonName
    workspace_slug: Slug | None = None
    invite_token: Token | None = None


@attrs.frozen(kw_only=True)
class LoginRequest:
    """With `workspaceSlug` the sign-in succeeds for members of that workspace only."""

    email: Email
    password: Password
    workspace_slug: Slug | None = None


@attrs.frozen(kw_only=True)
class RefreshRequest:
    """Browsers leave `refreshToken` out: their cookie carries it."""

    refresh_token: Token | None = None


@attrs.frozen(kw_only=True)
class LogoutRequest:
    """Names the session to end by its refresh token; without it, the caller's own ends."""

    refresh_token: Token | None = None


@attrs.frozen(kw_only=True)
class PasswordRequest:
    current_password: Password
    new_password: Password


@attrs.frozen(kw_only=True)
class AuthUser:
    """Who signed in."""

    id: UserId
    email: str
    display_name: str
    avatar_url: str | None = None


@attrs.frozen(kw_only=True)
class AuthResponse:
    """The access token is good for 15 minutes, the refresh token for 7 days and once. The same are set as cookies."""

    user: AuthUser
    access_token: str
    refresh_token: str


async def register(call: Call, body: RegisterRequest) -> AuthResponse:
    """Create an account and sign in."""
    user = await call.chat.users.register(
        email=body.email,
        password=body.password,
        first_name=body.first_name,
        last_name=body.last_name,
        workspace_slug=body.workspace_slug,
        invite_token=body.invite_token,
    )
    return _welcome(call, await call.chat.sessions.open(user, user_agent=call.user_agent))


async def login(call: Call, body: LoginRequest) -> AuthResponse:
    """Sign in with e-mail and password."""
    account = _account(body.email)
    await call.parts.limiter.count("login:account", account)
    signed_in = await call.chat.sessions.sign_in(email=body.email, password=body.password, user_agent=call.user_agent)
    call.parts.limiter.forget("login:account", account)
    if body.workspace_slug is not None:
        await _require_member(call, body.workspace_slug, signed_in)
    return _welcome(call, signed_in)


async def refresh(call: Call, body: RefreshRequest) -> AuthResponse:
    """Get new tokens for a refresh token. Each is good once: using one again ends its session."""
    return _welcome(call, await call.chat.sessions.refresh(_refresh_token(call, body.refresh_token)))


async def logout(call: Call, body: LogoutRequest) -> None:
    """End one session."""
    sessions.drop_cookies(call.jar, secure=call.client.secure)
    access_token = sessions.bearer(call.headers)
    if body.refresh_token is None and access_token is not None:
        identity = await sessions.identify(call.chat, access_token)
        await call.chat.sessions.revoke(session_id=identity.session_id)
    else:
        await call.chat.sessions.revoke(refresh_token=_refresh_token(call, body.refresh_token))


async def logout_everywhere(call: Call) -> None:
    """End every session of the caller, this one too."""
    await call.chat.sessions.revoke_all(call.actor)
    sessions.drop_cookies(call.jar, secure=call.client.secure)


async def change_password(call: Call, body: PasswordRequest) -> None:
    """Change one's password; every other session ends."""
    await call.parts.limiter.count("login:account", call.actor)
    await call.chat.sessions.change_password(
        call.actor, old=body.current_password, new=body.new_password, keep_session=call.me.session_id
    )
    call.parts.limiter.forget("login:account", call.actor)


async def _require_member(call: Call, slug: str, signed_in: SignedIn) -> None:
    try:
        await call.chat.workspaces.resolve(slug, actor=signed_in.user)
    except NotFound:
        await call.chat.sessions.revoke(session_id=signed_in.session.id)
        raise WorkspaceDenied("You are no member of that workspace: ask one of its members for an invite.") from None


def _welcome(call: Call, signed_in: SignedIn) -> AuthResponse:
    sessions.put_cookies(call.jar, call.chat, signed_in, secure=call.client.secure)
    user = signed_in.user
    return AuthResponse(
        user=AuthUser(id=user.id, email=user.email, display_name=user.display_name, avatar_url=user.avatar_url),
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
    )


def _refresh_token(call: Call, named: str | None) -> str:
    """The refresh token of the body, or of the cookie, which takes a CSRF token. Raises Unauthorized, Forbidden."""
    if named is not None:
        return named
    kept = read(call.cookies, REFRESH, call.client.secure)
    if kept is None:
        raise Unauthorized("Send a refreshToken, or sign in again.")
    session_id = sessions.session_of(call.chat, kept)
    csrf.require(call.chat, call.headers, call.cookies, session_id, secure=call.client.secure)
    return kept


def _account(email: str) -> str:
    """What failed logins of one account are counted under: no address is kept, and every spelling is the same."""
    try:
        email = normalise_email(email)
    except ValidationFailed:
        pass
    return hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:32]


ROUTES = (
    route("POST", "/api/auth/register", register, status=201, auth=Auth.SIGNING_IN, rate="register", errors=(409, 422)),
    route("POST", "/api/auth/login", login, auth=Auth.SIGNING_IN, rate="login", errors=(401, 422)),
    route("POST", "/api/auth/refresh", refresh, auth=Auth.SIGNING_IN, errors=(401,)),
    route("POST", "/api/auth/logout", logout, status=204, auth=Auth.SIGNING_IN, errors=(401,)),
    route("POST", "/api/auth/logout-all", logout_everywhere, needs=TokenScope.PROFILE_WRITE, status=204),
    route("POST", "/api/auth/password", change_password, needs=TokenScope.PROFILE_WRITE, status=204),
)
