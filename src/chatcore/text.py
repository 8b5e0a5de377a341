"""What people type, checked and put into one form: e-mail addresses, names, messages, slugs, emoji.

Every function returns the text to store, or raises ValidationFailed with one line that says what to do. Unicode is
stored in NFC, so that texts that look the same are the same.
"""

import re
import unicodedata

from chatcore.errors import ValidationFailed
from chatcore.model import MAX_CONTENT

MAX_EMAIL = 255
"""In characters (specification §9: VARCHAR(255))."""
MAX_SLUG = 100
MAX_CHANNEL_NAME = 100
MAX_EMOJI = 50
MAX_MARKS = 30
"""Longest run of combining marks, as in the Stream-Safe Text Format (UAX #15 §13); living languages need under ten."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_MESSAGE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Embeddings, overrides and isolates reorder what stands around a name; plain marks (LRM, RLM) that names need do not.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Letters, marks and symbols that show nothing, beside the categories C and Z.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTOR = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")

_SLUG = re.compile(r"[a-z0-9-]+\Z")
_CHANNEL_NAME = re.compile(r"[a-z0-9-_]+\Z")
_DIRECT_NAME = re.compile(r"dm-[0-9a-f]{40}\Z")
"""What direct messages are stored as: a channel of that name would be where its people write to each other."""
# Special in a mail header (RFC 5322 §3.2.3), where a quoted local part would be needed to carry them.
_MAIL_SPECIALS = frozenset('()<>[]:;\\,"')
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\Z")
# IDNA 2003, which the standard library speaks, maps these to other letters; browsers and mail servers no longer do.
_DEVIATING = frozenset("ß\u03c2\u200c\u200d")

_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
)
_ELEMENT = f"{_PICTURE}(?:[\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff])?[\U000e0020-\U000e007f]*"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_EMOJI = re.compile(rf"(?:{_ELEMENT}(?:\u200d{_ELEMENT})*|{_FLAG}|[0-9#*]\ufe0f?\u20e3|:[a-z0-9_+-]+:)\Z")


def normalise_email(text: str) -> str:
    """An e-mail address in the form in which it is stored and compared: NFC, lower case, the domain in IDNA.

    Not NFKC and not case folding, which would make one account of mailboxes that mail servers keep apart (`straße@`,
    `strasse@`), and send the mail of one to the other (RFC 6532 §3.1).
    """
    if len(text) > MAX_EMAIL + 64:
        raise _too_long("email", MAX_EMAIL)
    text = text.strip()
    _refuse(_SURROGATE, text, "email", "remove the broken character")
    local, at, domain = _compose(_compose(text, "email").lower(), "email").partition("@")
    if not local or not at or not all(_may_stand_in_mail(character) for character in local):
        raise _no_email()
    if not _DEVIATING.isdisjoint(domain):
        raise ValidationFailed.of("email", "write its domain in the form that begins with xn--")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _no_email() from None
    if not _DOMAIN.match(ascii_domain):
        raise _no_email()
    email = f"{local}@{ascii_domain}"
    if len(email) > MAX_EMAIL:
        raise _too_long("email", MAX_EMAIL)
    return email


def clean_line(text: str, field: str, max_length: int) -> str:
    """A name or a title: one line of 1 to `max_length` code points, without white space around it."""
    # Composing shortens a text at most to a third of its length.
    if len(text) > 4 * max_length + 64:
        raise _too_long(field, max_length)
    _refuse(_SURROGATE, text, field, "remove the broken character (half of a surrogate pair)")
    line = _compose(text, field).strip()
    _refuse(_CONTROL, line, field, "remove the line breaks and other control characters")
    _refuse(_REORDERING, line, field, "remove the invisible characters that change the direction of writing")
    if not _shows_something(line):
        raise ValidationFailed.of(field, "must not be empty")
    if len(line) > max_length:
        raise _too_long(field, max_length)
    return line


def clean_content(text: str) -> str:
    """The text of a message: 1 to 4,000 code points, nothing trimmed; line breaks and tabs are welcome."""
    _refuse(_CONTROL_IN_MESSAGE, text, "content", "remove the control characters (line breaks are \\n, without \\r)")
    if not text.isascii():
        _refuse(_SURROGATE, text, "content", "remove the broken character (half of a surrogate pair)")
        text = _compose(text, "content")
    if not _shows_something(text):
        raise ValidationFailed.of("content", "must not be empty")
    if len(text) > MAX_CONTENT:
        raise _too_long("content", MAX_CONTENT)
    return text


def clean_slug(text: str) -> str:
    """The part of an address that names a workspace."""
    if len(text) > MAX_SLUG:
        raise _too_long("slug", MAX_SLUG)
    if not _SLUG.match(text):
        raise ValidationFailed.of("slug", "use lower-case letters a-z, digits and hyphens only")
    return text


def clean_channel_name(text: str) -> str:
    """The name of a channel (specification §9: check_channel_name)."""
    if len(text) > MAX_CHANNEL_NAME:
        raise _too_long("name", MAX_CHANNEL_NAME)
    if not _CHANNEL_NAME.match(text):
        raise ValidationFailed.of("name", "use lower-case letters a-z, digits, hyphens and underscores only")
    if _DIRECT_NAME.match(text):
        raise ValidationFailed.of("name", "is reserved for a direct message: choose another")
    return text


def clean_emoji(text: str) -> str:
    """One emoji (with its modifiers), or the `:short_name:` of one."""
    if len(text) > MAX_EMOJI:
        raise _too_long("emoji", MAX_EMOJI)
    if not _EMOJI.match(text):
        raise ValidationFailed.of("emoji", "give one emoji, or its name like :thumbsup:")
    return text


def _compose(text: str, field: str) -> str:
    """NFC. Long runs of combining marks are refused first: putting them in order takes time quadratic in their length,
    8 s for a run of 65,000."""
    if text.isascii() or max(text) < "\u0300":  # nothing below the combining marks composes
        return text
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MAX_MARKS:
            raise ValidationFailed.of(field, f"put at most {MAX_MARKS} accents on one letter")
    return unicodedata.normalize("NFC", text)


def _shows_something(text: str) -> bool:
    for character in text:
        if "!" <= character <= "~":
            return True
        if unicodedata.category(character) in _UNSEEN or character in _BLANK or _SELECTOR.match(character):
            continue
        return True
    return False


# Unassigned code points (Cn) count as visible: the emoji of a newer Unicode are among them.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})


def _may_stand_in_mail(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ" and character not in _MAIL_SPECIALS


def _no_email() -> ValidationFailed:
    return ValidationFailed.of("email", "write it like name@example.org")


def _refuse(what: re.Pattern[str], text: str, field: str, advice: str) -> None:
    if what.search(text):
        raise ValidationFailed.of(field, advice)


def _too_long(field: str, limit: int) -> ValidationFailed:
    return ValidationFailed.of(field, f"must be at most {limit:,} characters")
