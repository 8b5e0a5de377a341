"""Words as the search knows them: folded the same way when a message is stored and when somebody looks for it.

PostgreSQL's own parser knows addresses, hyphens and numbers, and would find `example` in `example.org` no more than
`Café` by `cafe`. So the words are made here, and given to it as finished `tsvector`s and `tsquery`s, in which letters
and digits need no quoting and nothing is syntax. They are what its configuration `simple` makes of such words.
"""

import re
import unicodedata
from operator import add

from chatcore.ports import Search

MAX_PARTS = 32
"""Words and phrases in one query; what is beyond is left out."""
MAX_SCOPES = 500
"""Channels that the index is asked for by their words. With more, most hits are the caller's to see anyway, and it is
cheaper to drop the others afterwards."""
_LONGEST = 400
"""Characters of a word that count: PostgreSQL takes 2,046 bytes."""
_PLACES = [f":{place}" for place in range(1, 501)]

_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_DIVIDERS = re.compile(r"[\W_]+")
_ASCII = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})


def words_of(text: str) -> list[str]:
    """The words of a text, in order: lower case, without accents; whatever is no letter or digit divides them."""
    if text.isascii():
        words = text.lower().translate(_ASCII).split()
        return words if len(text) <= _LONGEST else [word[:_LONGEST] for word in words]
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).casefold())
    folded = "".join([character for character in folded if not unicodedata.combining(character)])
    return [word[:_LONGEST] for word in _DIVIDERS.sub(" ", folded.casefold()).split()]


def to_vector(text: str, *, channel_id: str, author_id: str) -> str:
    """The `tsvector` of a message."""
    words = words_of(text)
    places = _PLACES if len(words) <= len(_PLACES) else [f":{place}" for place in range(1, len(words) + 1)]
    return f"'c:{channel_id}' 'u:{author_id}' {' '.join(map(add, words, places))}"


def to_query(query: Search) -> str:
    """The `tsquery` for what a person typed: words and "phrases", all of which must occur; empty without any."""
    phrases = [words_of(phrase or word) for phrase, word in _PARTS.findall(query.text)]
    terms = [" <-> ".join(phrase) for phrase in phrases if phrase][:MAX_PARTS]
    if not terms:
        return ""
    if query.author_id is not None:
        terms.append(_quoted(f"u:{query.author_id}"))
    if len(query.channels) <= MAX_SCOPES:
        terms.append(" | ".join(_quoted(f"c:{channel_id}") for channel_id in query.channels))
    return " & ".join(f"({term})" for term in terms)


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "").replace("'", "") + "'"
