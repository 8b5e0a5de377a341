"""Talking to a running server, which `chatcore.client` does. Knows nothing of the terminal.

credentials     who is signed in where, in a file that only its owner may read
access          the token for a request: the stored one, renewed when it is over
backlog         what was said before the live stream begins
"""
