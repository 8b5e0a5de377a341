"""Bytes in, bytes out: the listener and its two lanes.

listener ─► head: what is asked for?
    ├─ GET /api/realtime, Upgrade ─► upgrade ─► native (parser, transport) ─┐
    └─ everything else ─► hypercorn_http ─► the app ─► asgi ────────────────┴─► gateway
"""
