"""Versions to come and to go; requests for the one there is are tried in test_edge.py."""

import pytest

from chatserver.versions import ApiVersion, UnknownVersion, negotiate

OLD = ApiVersion(
    version=1, deprecated=True, sunset="Fri, 31 Dec 2027 23:59:59 GMT", guide="https://example.org/to-version-2"
)
NEW = ApiVersion(version=2)


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (None, NEW),
        ("application/json", NEW),
        ("application/json; version=1", OLD),
        ("application/json; q=0.5; version=2", NEW),
        ("application/json; version=7, application/json; version=1", OLD),
    ],
)
def test_the_newest_unless_one_is_asked_for(accept: str | None, version: ApiVersion) -> None:
    assert negotiate(accept, (OLD, NEW)) is version


def test_an_unknown_one_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownVersion, match=r"speaks version 1, 2") as refused:
        negotiate("application/json; version=3", (OLD, NEW))
    assert refused.value.status == 406


def test_a_version_says_when_it_ends() -> None:
    assert OLD.headers() == [
        ("Deprecation", "true"),
        ("Sunset", "Fri, 31 Dec 2027 23:59:59 GMT"),
        ("Link", '<https://example.org/to-version-2>; rel="deprecation"'),
    ]
    assert NEW.headers() == []
