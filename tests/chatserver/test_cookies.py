"""The cookies themselves; what they do is tried in rest/test_auth.py."""

from chatserver.cookies import ACCESS, CSRF, CookieJar, cookie_name, read


def test_over_tls_the_browser_is_bound_to_the_host() -> None:
    jar = CookieJar()
    jar.put(ACCESS, "t", seconds=900, secure=True)
    assert jar.headers() == ["__Host-chatcore_access=t; Path=/; Max-Age=900; SameSite=Lax; Secure; HttpOnly"]


def test_scripts_may_read_the_csrf_token_only() -> None:
    jar = CookieJar()
    jar.put(CSRF, "t", seconds=9, secure=False, scripts=True)
    jar.put(ACCESS, "t", seconds=9, secure=False)
    csrf, access = jar.headers()
    assert "HttpOnly" not in csrf
    assert "HttpOnly" in access


def test_what_is_dropped_has_the_name_and_flags_of_what_was_set() -> None:
    jar = CookieJar()
    jar.drop(CSRF, secure=True)
    assert jar.headers() == ["__Host-chatcore_csrf=; Path=/; Max-Age=0; SameSite=Lax; Secure"]


def test_which_name_counts() -> None:
    both = {cookie_name(ACCESS, True): "bound", ACCESS: "planted"}
    assert read(both, ACCESS, True) == "bound"
    assert read(both, ACCESS, False) == "planted"
    assert read(both, ACCESS, None) == "bound"
    assert read({ACCESS: "plain"}, ACCESS, None) == "plain"
    assert read({ACCESS: "plain"}, ACCESS, True) is None
