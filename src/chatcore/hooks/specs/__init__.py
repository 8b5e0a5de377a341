"""Every hook: its signature, its options and its description, one module per subject."""

from types import ModuleType

from chatcore.hooks.specs import accounts, channels, huddles, life, messages, register, server

SUBJECTS: tuple[ModuleType, ...] = (messages, channels, accounts, huddles, server, life, register)
"""In the order of docs/reference/hooks.md."""
