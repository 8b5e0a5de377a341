"""A line as somebody typed it, word by word. Quotes keep words together; what follows can be taken as it stands."""

_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}


class Words:
    """The words of a line, one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._skip()

    @property
    def left(self) -> bool:
        """Whether there is a word."""
        return self._at < len(self._text)

    def next(self) -> str:
        """The next word; a quoted one without its quotes."""
        text, start = self._text, self._at
        closing = _QUOTES.get(text[start])
        end = text.find(closing, start + 1) if closing is not None else -1
        if end >= 0 and (end + 1 == len(text) or text[end + 1].isspace()):
            word, self._at = text[start + 1 : end], end + 1
        else:
            stop = next((at for at in range(start, len(text)) if text[at].isspace()), len(text))
            word, self._at = text[start:stop], stop
        self._skip()
        return word

    def rest(self) -> str:
        """Everything that is left, as it was typed."""
        rest, self._at = self._text[self._at :].rstrip(), len(self._text)
        return rest

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
