"""What others send to Slack, as a message of ours: text, attachments and blocks become one text in Markdown.

Taken are the fields of Slack's reference for incoming webhooks, attachments and layout blocks that say something;
buttons, menus and inputs say nothing without somebody to press them, and are left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chatcore.model.message import MAX_CONTENT

MAX_DEPTH = 8
"""Elements inside elements; what lies deeper is left out."""
_ESCAPES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
"""The ampersand last: `&amp;lt;` is `&lt;`."""
_LINK = re.compile(r"<([^<>|\s]{1,2000})(?:\|([^<>]{0,500}))?>")
_EVERYONE = re.compile(r"@(channel|here|everyone)\b")
"""What calls everybody in a channel (`chatcore.service.core.mentions_in`), and a little more."""
_MARKS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,1000}?)(?<=\S)\*(?![\w*])"), r"**\1**"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]{1,1000}?)(?<=\S)~(?![\w~])"), r"~~\1~~"),
)


def text_of(payload: Mapping[str, Any]) -> str:
    """The message that a payload is; "" when it says nothing. At most as long as a message may be."""
    blocks = [*_blocks(payload.get("blocks"))]
    # With blocks, Slack shows the text in notifications only.
    parts = blocks or [_mrkdwn(payload.get("text"))]
    for attachment in _dicts(payload.get("attachments")):
        parts += _attachment(attachment)
    text = "\n".join(part for part in parts if part).strip()
    text = "".join(character for character in text if character in "\n\t" or character.isprintable())
    return text if len(text) <= MAX_CONTENT else text[: MAX_CONTENT - 1] + "…"


def quieted(text: str) -> str:
    """The same to the eye, but it calls nobody: who has the URL of a webhook is not yet one who may call everybody."""
    return _EVERYONE.sub("@\u2060\\1", text)


def _mrkdwn(value: Any) -> str:
    """Slack's markup in ours: links, mentions of all, bold and struck-out text."""
    if not isinstance(value, str):
        return ""
    text = _LINK.sub(_linked, value)
    for pattern, replacement in _MARKS:
        text = pattern.sub(replacement, text)
    return _plain(text)


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    text: str = value
    for escape, character in _ESCAPES.items() if "&" in text else ():
        text = text.replace(escape, character)
    return text


def _linked(match: re.Match[str]) -> str:
    target: str = match[1]
    label: str | None = match[2]
    if target.startswith("!"):
        # `<!here>`, `<!channel>`, `<!everyone>`; with a bar also dates and groups, whose label is for people.
        return label or f"@{target[1:].partition('^')[0]}"
    if target.startswith(("@", "#")):
        return (target[0] + label) if label else target
    if not label or label == target:
        return target
    return f"[{label}]({target})"


def _attachment(attachment: Mapping[str, Any]) -> Iterator[str]:
    """The older form: a title, a text, and fields."""
    yield _mrkdwn(attachment.get("pretext"))
    title, link = _plain(attachment.get("title")), attachment.get("title_link")
    if title:
        yield f"**[{title}]({link})**" if isinstance(link, str) and link else f"**{title}**"
    blocks = [*_blocks(attachment.get("blocks"))]
    said = blocks or [_mrkdwn(attachment.get("text"))]
    yield from said
    for field in _dicts(attachment.get("fields")):
        name, value = _plain(field.get("title")), _mrkdwn(field.get("value"))
        yield f"**{name}**: {value}" if name else value
    if not title and not any(said):
        yield _plain(attachment.get("fallback"))
    yield _url(attachment.get("image_url"))
    yield _plain(attachment.get("footer"))


def _blocks(value: Any) -> Iterator[str]:
    for block in _dicts(value):
        match block.get("type"):
            case "header":
                yield f"**{_said(block.get('text'))}**"
            case "section":
                yield _said(block.get("text"))
                yield from (_said(field) for field in _dicts(block.get("fields")))
            case "context":
                yield " ".join(_said(element) for element in _dicts(block.get("elements")))
            case "divider":
                yield "---"
            case "image":
                yield f"{_plain(block.get('alt_text'))} {_url(block.get('image_url'))}".strip()
            case "rich_text":
                yield _rich(block, MAX_DEPTH)
            case "markdown":
                yield _plain(block.get("text"))


def _said(value: Any) -> str:
    """A text object."""
    if not isinstance(value, Mapping):
        return ""
    if value.get("type") == "image":
        return _url(value.get("image_url"))
    return _mrkdwn(value.get("text")) if value.get("type") == "mrkdwn" else _plain(value.get("text"))


def _rich(element: Mapping[str, Any], depth: int) -> str:
    if depth == 0:
        return ""
    inner = [_rich(each, depth - 1) for each in _dicts(element.get("elements"))]
    match element.get("type"):
        case "rich_text_list":
            return "\n".join(f"- {each}" for each in inner)
        case "rich_text_quote":
            return "\n".join(f"> {line}" for line in "".join(inner).split("\n"))
        case "rich_text_preformatted":
            return f"```\n{''.join(inner)}\n```"
        case "rich_text":
            return "\n".join(inner)
        case "link":
            return f"[{_plain(element.get('text')) or element.get('url')}]({_url(element.get('url'))})"
        case "emoji":
            return f":{_plain(element.get('name'))}:"
        case "broadcast":
            return f"@{_plain(element.get('range'))}"
        case "text":
            return _styled(_plain(element.get("text")), element.get("style"))
    return "".join(inner)


def _styled(text: str, style: Any) -> str:
    if not isinstance(style, Mapping) or not text.strip():
        return text
    for name, mark in (("code", "`"), ("bold", "**"), ("italic", "_"), ("strike", "~~")):
        if style.get(name) is True:
            text = f"{mark}{text}{mark}"
    return text


def _url(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""


def _dicts(value: Any) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
