"""Why a benchmark cannot run here."""


class NotHere(Exception):
    """Something that it needs is not on this machine; the text says what, and how to get it."""
