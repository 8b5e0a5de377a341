"""The media process: asyncio, aiortc and nothing of the chat. Nothing outside of this package may import it.

Read bottom to top:
    rtp  rtcp  sdp  vp8  h264        what goes over the wire, as functions of bytes
    meter  rewriter  speakers        loss and jitter; one stream out of many; who is heard
    ogg  recorder                    what was said, on disk
    inside  mux                      all that is private to aiortc and aioice; one UDP port for everybody
    streams  slots  leg  huddle      what comes in, what goes out, one device, those who talk with each other
    service  __main__                the requests of the chat, and the process
"""
