"""The readers: transactions that cannot write, many at the same time."""

from time import monotonic
from types import CodeType
from typing import Any
from weakref import WeakSet

from chat_storage_postgres.batch import Act, drive
from chat_storage_postgres.connecting import READ_SECONDS, READING
from chat_storage_postgres.connection import Connection
from chat_storage_postgres.faults import AGAIN, Lost
from chat_storage_postgres.job import PATIENCE
from chat_storage_postgres.pool import Pool
from chat_storage_postgres.probing import NeedsSnapshot, Probe
from chat_storage_postgres.pulse import Pulse
from chat_storage_postgres.tx import PostgresTx, Setting
from chatcore.errors import Unavailable
from chatcore.ports import Post

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Readers:
    def __init__(self, url: str, size: int, setting: Setting, pulse: Pulse) -> None:
        self.failure: BaseException | None = None
        self._pool = Pool(url, READING, size)
        self._setting = setting
        self._pulse = pulse
        # The code of what needs more than one statement. It is the same for every call from one place in a program.
        self._long: WeakSet[CodeType] = WeakSet()

    async def read(self, act: Act, since: float) -> Any:
        """Run a transaction that only reads. `since`: when it was asked for. Raises what it raises, and Unavailable."""
        while True:
            left = PATIENCE - (monotonic() - since)
            if left <= 0:
                raise Unavailable("The storage has too much to read. Try again in a moment.")
            try:
                async with self._pool.take(left) as raw, self._pulse.watch(raw, READ_SECONDS + 2):
                    outcome, error = await self.attempt(raw, act)
            except (Lost, *AGAIN) as error:
                self._failed(error)
            except TimeoutError as error:
                self._failed(error)
                raise Unavailable("The database does not answer. Try again in a moment.") from error
            except Unavailable as error:
                self.failure = error
                raise
            else:
                self.failure = None
                if error is not None:
                    raise error
                return outcome

    async def close(self) -> None:
        await self._pool.close(PATIENCE)

    def _failed(self, error: BaseException) -> None:
        self.failure = error
        if isinstance(error, Lost | TimeoutError):
            self._pool.drop_idle()

    async def attempt(self, raw: Any, act: Act) -> tuple[Any, Exception | None]:
        """What the work returned, or raised: that is no fault of the connection, which is good for the next one."""
        code = getattr(act.what, "__code__", None)
        if code is not None and code not in self._long:
            probe = Probe(raw, self._setting.slow_ms)
            try:
                return await self._drive(probe, act)
            except NeedsSnapshot:
                self._long.add(code)
        await raw.execute(_BEGIN)
        answer = await self._drive(Connection(raw, self._setting.slow_ms), act)
        await raw.execute("ROLLBACK")
        return answer

    async def _drive(self, db: Connection, act: Act) -> tuple[Any, Exception | None]:
        assert not isinstance(act.what, Post)
        result, problem = None, None
        try:
            result = await drive(act.what, PostgresTx(db, self._setting, act.now), self._setting.slow_ms)
        except (Lost, *AGAIN, TimeoutError):
            raise
        except Exception as error:
            problem = error
        if isinstance(db, Probe) and db.asked > 1:
            raise NeedsSnapshot
        return result, problem
