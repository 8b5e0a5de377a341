"""The emoji that a client offers first."""

import attrs

from chatcore.ids import PresetId


@attrs.frozen(kw_only=True)
class EmojiPreset:
    id: PresetId
    emoji: str
    name: str
    category: str
    sort_order: int = 0
