"""Talking to a running server: sign-in, HTTP, and the live stream. Plain JSON; knows nothing of the terminal.

credentials     who is signed in where, in a file that only its owner may read
access          the token for a request, renewed when it is over
api             HTTP: one request, tried again when that is safe
follow          the events of a workspace, live, through every interruption
"""
