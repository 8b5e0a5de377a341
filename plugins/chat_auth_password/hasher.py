"""Passwords into bcrypt hashes and back: the slow, pure part. It belongs into a thread.

bcrypt looks at no more than 72 bytes. So that a long password counts in full, what bcrypt is given is the base64 of an
HMAC-SHA-256 of the password: 44 bytes without a NUL, whatever was typed. The HMAC has a key of ours, so that the plain
SHA-256 digests that other sites lose cannot be tried against these hashes.

What is stored: `hmac-sha256$2b$12$…`, the name of that step before the usual bcrypt text.
"""

import base64
import hashlib
import hmac
import re
import unicodedata

import bcrypt

from chatcore.errors import ValidationFailed

MIN_PASSWORD = 8
"""In characters, as NIST SP 800-63B asks for."""
MAX_PASSWORD = 1000
"""In characters. Every one of them counts."""

_SCHEME = "hmac-sha256"
_KEY = b"chatcore password"
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_STORED = re.compile(rf"{_SCHEME}(\$2b\$(\d\d)\$[./A-Za-z0-9]{{53}})\Z")


def prepare(password: str) -> str:
    """The password in the one form that is hashed: NFKC (NIST SP 800-63B §5.1.1.2). Raises ValidationFailed."""
    if len(password) > MAX_PASSWORD:
        raise ValidationFailed.of("password", f"must be at most {MAX_PASSWORD:,} characters")
    if _REFUSED.search(password):
        raise ValidationFailed.of("password", "remove the control characters and line breaks")
    password = unicodedata.normalize("NFKC", password)
    if len(password) < MIN_PASSWORD:
        raise ValidationFailed.of("password", f"must be at least {MIN_PASSWORD} characters")
    return password


class PasswordHasher:
    """bcrypt at a fixed cost. `rounds` is the binary logarithm of the work: 12 take about a quarter of a second."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self._dummy = _hash_of_nothing(rounds)

    def hash(self, password: str) -> str:
        """What to store for a password that `prepare` has passed."""
        return _SCHEME + bcrypt.hashpw(_digest(password), bcrypt.gensalt(self.rounds)).decode("ascii")

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether this is the password. Without a stored hash, the answer is False and takes as long.

        So does one against a hash that was made at a lower cost than today's. (One at a higher cost takes longer.)
        """
        known = None if stored is None else _STORED.match(stored)
        try:
            given = _digest(prepare(password))
        except ValidationFailed:
            given, known = b"", None
        if known is None:
            bcrypt.checkpw(given, self._dummy)
            return False
        if bcrypt.checkpw(given, known[1].encode("ascii")):
            return True
        # Each round more doubles the work: one check at every cost in between makes up for what is missing.
        for rounds in range(int(known[2]), self.rounds):
            bcrypt.checkpw(given, _hash_of_nothing(rounds))
        return False

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made at another cost than today's."""
        match = _STORED.match(stored)
        return match is not None and int(match[2]) != self.rounds


def _hash_of_nothing(rounds: int) -> bytes:
    """As costly to compare with as a hash, and never the same."""
    return bcrypt.gensalt(rounds) + b"." * 31


def _digest(password: str) -> bytes:
    return base64.b64encode(hmac.digest(_KEY, password.encode("utf-8"), hashlib.sha256))
