"""API versions, asked for by `Accept: application/json; version=1` (specification §10, Version Header Strategy)."""

import attrs

from chatcore.errors import ValidationFailed

_JSON_RANGES = frozenset({"application/json", "application/*", "*/*"})


@attrs.frozen(kw_only=True)
class ApiVersion:
    """`sunset` is an HTTP date after which the version is gone; `guide` a page that tells how to move on."""

    version: int
    deprecated: bool = False
    sunset: str | None = None
    guide: str | None = None

    def headers(self) -> list[tuple[str, str]]:
        """What answers in this version say of its end (RFC 9745, RFC 8594)."""
        found = [("Deprecation", "true")] if self.deprecated else []
        if self.sunset is not None:
            found.append(("Sunset", self.sunset))
        if self.guide is not None:
            found.append(("Link", f'<{self.guide}>; rel="deprecation"'))
        return found


VERSIONS = (ApiVersion(version=1),)
"""Oldest first. Who asks for none gets the newest."""


class UnknownVersion(ValidationFailed):
    status = 406


def negotiate(accept: str | None, versions: tuple[ApiVersion, ...] = VERSIONS) -> ApiVersion:
    """The version to answer in. Raises UnknownVersion when JSON is asked for in unknown versions only."""
    if accept is None or "version" not in accept.lower():
        return versions[-1]
    asked = [version for part in accept.split(",") if (version := _version_of(part)) is not None]
    known = {str(version.version): version for version in versions}
    for wanted in asked:
        if wanted in known:
            return known[wanted]
    if not asked:
        return versions[-1]
    offered = ", ".join(known)
    raise UnknownVersion(
        f"This server speaks version {offered}: send Accept: application/json; version={versions[-1].version}",
        {"Accept": f"version must be one of {offered}"},
    )


def _version_of(media_range: str) -> str | None:
    kind, *parameters = (piece.strip() for piece in media_range.split(";"))
    if kind.lower() not in _JSON_RANGES:
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "version":
            return value.strip().strip('"')
    return None
