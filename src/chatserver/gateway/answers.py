"""What the server says: replies, errors, the greeting, and events, each as the bytes of one text."""

import orjson

from chatcore import wire
from chatcore.errors import ChatError
from chatcore.ports import Envelope
from chatserver.net.batch import Text

PROTOCOL_VERSION = 1
NOTHING = b"{}"


def hello(connection_id: str, heartbeat: float) -> bytes:
    """The first frame; `heartbeat` in seconds."""
    data = {"protocol": PROTOCOL_VERSION, "connectionId": connection_id, "heartbeatSeconds": int(heartbeat)}
    return orjson.dumps({"type": "hello", "data": data})


def reply(frame_id: str, data: bytes) -> bytes:
    """Success; `data` is the JSON of an object."""
    return b'{"type":"reply","id":%b,"ok":true,"data":%b}' % (orjson.dumps(frame_id), data)


def refusal(frame_id: str | None, error: ChatError) -> bytes:
    """Failure: the reply of a frame with an id, otherwise an `error` frame."""
    told = {"code": error.code, "message": error.message, "details": wire.to_json(error.details)}
    if frame_id is None:
        return orjson.dumps({"type": "error", "error": told})
    return orjson.dumps({"type": "reply", "id": frame_id, "ok": False, "error": told})


def event_text(envelope: Envelope) -> Text:
    """An event as every socket gets it; the envelope's data goes in as it is."""
    head = b'{"type":"%b","workspaceId":"%b",' % (envelope.type.encode(), envelope.workspace_id.encode())
    if envelope.seq:
        return Text(b'%b"seq":%d,"data":%b}' % (head, envelope.seq, envelope.data), envelope.seq)
    return Text(b'%b"data":%b}' % (head, envelope.data))
