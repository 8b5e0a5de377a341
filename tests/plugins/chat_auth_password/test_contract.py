"""The contracts of those who sign people in, and of tokens."""

from contextlib import AbstractAsyncContextManager

from chat_auth_password import open_codec, open_password
from chatcore.ports import Authenticator, ProviderContext, TokenCodec
from chatcore.testing.auth import AuthContract, TokenContract


class TestPasswords(AuthContract):
    def open_auth(self, context: ProviderContext) -> AbstractAsyncContextManager[Authenticator]:
        return open_password(context)


class TestJwt(TokenContract):
    def open_codec(self, context: ProviderContext) -> AbstractAsyncContextManager[TokenCodec]:
        return open_codec(context)
