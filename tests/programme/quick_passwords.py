"""A plugin for the servers of tests: passwords are hashed at the least cost that bcrypt knows, which no setting allows.

Each person of a test is registered, which would take a processor for a quarter of a second.
"""

import chat_auth_password

ROUNDS = 4
_Hasher = chat_auth_password.PasswordHasher


class QuickHasher(_Hasher):
    """Whatever cost is asked for."""

    def __init__(self, rounds: int) -> None:
        super().__init__(ROUNDS)


chat_auth_password.PasswordHasher = QuickHasher  # type: ignore[misc]  # where the provider looks it up
