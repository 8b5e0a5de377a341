"""How a plugin says no."""

from chatcore.errors import Rejected


class Reject(Exception):
    """Raised by a filter or a guard to refuse. `code` is for programs; `text` is for the person who tried."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = str(code)
        self.text = str(text)


def find_reject(error: BaseException) -> Reject | None:
    """The first `Reject` in an error: itself, or anywhere inside a group (a plugin's nursery makes those)."""
    if isinstance(error, Reject):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            found = find_reject(inner)
            if found is not None:
                return found
    return None


def rejected(reject: Reject, plugin: str) -> Rejected:
    """The refusal as the caller of the service is told."""
    return Rejected(reject.text, {"code": reject.code, "text": reject.text, "plugin": plugin})


def unavailable(plugin: str, why: str) -> Rejected:
    """The refusal when a guard could not answer: it fails closed."""
    text = f"The check by the plugin {plugin} {why}; try again later or ask the operator of this server."
    return Rejected(text, {"code": "guard_failed", "text": text, "plugin": plugin})
