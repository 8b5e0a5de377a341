"""Bytes in, bytes out: the listener and its lanes.

listener ─► head: what is asked for?
    ├─ GET /api/realtime, Upgrade ─► upgrade ─► native (parser, transport) ─┐
    └─ everything else ─► plain (plain_head, exchange) ─► the app ─► asgi ──┴─► gateway
                            └─ what is not plain ─► hypercorn_http ─► the app
"""
