"""What a server answers: its JSON, or its refusal."""

from typing import Any

import httpx

from chatcore.client.faults import NotChatcore, fault

LONGEST_WAIT = 3600.0
"""Seconds that a server may ask to be left alone."""


def read(response: httpx.Response) -> Any:
    """The JSON of a good answer (None when it is empty). Raises ChatError: the server's, or NotChatcore."""
    if response.status_code == 204:
        return None
    try:
        data = response.json()
    except ValueError:
        data = None
    if response.is_success and data is not None:
        return data
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        raise fault(response.status_code, error, _wait(response))
    if response.status_code >= 500:
        # A proxy in front of a server that is restarting.
        said = {"code": "SERVICE_UNAVAILABLE", "message": f"{response.url.host} answers {response.status_code}"}
        raise fault(503, said, _wait(response))
    raise NotChatcore(
        f"{response.url} answers {response.status_code}, not like a Chatcore server: is the address right?"
    )


def _wait(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else None
