"""The real-time edge: one protocol, whatever carries it.

socket ─► connection ─► protocol (no I/O: what may happen next) ─► calls ─► the services
                                                                               │ commit
sockets ◄─ one write per member and round ◄─ rooms (encoded once) ◄─ the hub ◄─┘
"""
