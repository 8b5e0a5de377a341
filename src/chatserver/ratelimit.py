"""Rate limits: fixed windows, kept in memory and counted in storage, so that restarts forget nothing and nodes add up.

A window begins with the first request and ends after its length, whatever the wall clock does meanwhile: its end is
kept on Trio's clock and becomes wall time only in storage. The rules and their figures are the specification's (§10,
Rate Limit Rules); those that it lacks are marked.

Of several nodes, under a rule that counts `at_once`, a request is counted in storage before it is let through: all
nodes together let no more through than one would. Under the other rules each node says every second what it has
counted, and learns the sum; until then each may let through what the rule allows.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

import attrs
import trio

from chatcore.errors import ChatError, ConfigError, RateLimited
from chatcore.hooks import Hooks
from chatcore.ports import Clock, Storage, Tx

log = logging.getLogger(__name__)

MAX_SUBJECTS = 100_000
"""Counted at once under one rule, some 250 bytes each; then those whose window ends first are forgotten."""
SAVE_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class RateRule:
    """At most `requests` in `window` seconds for each `per` (`user` or `ip`).

    kept: saved to storage. at_once: before the answer goes out, so that neither a crash nor another node gives the
    attempts back.
    """

    requests: int
    window: int
    per: str
    kept: bool = True
    at_once: bool = False


RULES: dict[str, RateRule] = {
    "login": RateRule(requests=5, window=15 * 60, per="ip", at_once=True),
    "register": RateRule(requests=3, window=60 * 60, per="ip", at_once=True),
    "messages": RateRule(requests=60, window=60, per="user"),
    "upload": RateRule(requests=10, window=60, per="user"),
    "socket:send_message": RateRule(requests=100, window=60, per="user"),
    "socket:typing": RateRule(requests=30, window=60, per="user"),
    # Ours: failed logins of one account from anywhere. It counts an unknown e-mail in the same way.
    "login:account": RateRule(requests=20, window=15 * 60, per="account", at_once=True),
    # Ours: WebSockets opened. An office behind one address comes back at once after a restart.
    "handshake": RateRule(requests=3000, window=60, per="ip", kept=False),
    # Ours: what one person may ask of huddles. A mesh of 8 people signals some 200 times when somebody comes.
    "huddle:join": RateRule(requests=60, window=60, per="user", kept=False),
    "huddle:signal": RateRule(requests=1200, window=60, per="user", kept=False),
    "huddle:state": RateRule(requests=300, window=60, per="user", kept=False),
    "huddle:ring": RateRule(requests=10, window=60, per="user", kept=False),
    # Ours: everything else, per user, or per address for who is not signed in. A bound on abuse, never met by people.
    "default": RateRule(requests=3000, window=60, per="user", kept=False),
}


def rules_of(setting: str | Mapping[str, Any]) -> dict[str, RateRule]:
    """The rules that the setting `rate_limits` asks for; none at all for `off`. Raises ConfigError.

    A table changes single rules: `login = { requests = 10, window = 900 }` (seconds), or `login = "off"`.
    """
    if setting == "default":
        return dict(RULES)
    if setting == "off":
        return {}
    if isinstance(setting, str):
        raise ConfigError(f"rate_limits: {setting!r} is not one of default, off, or a table of rules")
    rules = dict(RULES)
    for name, wanted in setting.items():
        if name not in RULES:
            raise ConfigError(f"rate_limits: there is no rule {name!r}; there are {', '.join(RULES)}")
        if wanted == "off":
            del rules[name]
        else:
            rules[name] = _changed(name, wanted)
    return rules


def _changed(name: str, wanted: Any) -> RateRule:
    if not isinstance(wanted, Mapping) or not wanted.keys() <= {"requests", "window"}:
        raise ConfigError(f'rate_limits.{name}: must be "off" or like {{ requests = 10, window = 60 }}')
    for key, value in wanted.items():
        if type(value) is not int or not 1 <= value <= 1_000_000:
            raise ConfigError(f"rate_limits.{name}.{key}: must be a whole number from 1 to 1000000")
    return attrs.evolve(RULES[name], **wanted)


@attrs.define
class _Window:
    """`count` is what all nodes have counted, as far as known here; `news` the part that storage does not know of, and
    `own` that of this node. `again`: what storage has is to be replaced.
    """

    count: int
    ends: float
    news: int = 0
    own: int = 0
    again: bool = False


class RateLimiter:
    """Counts requests under rules; one per server process."""

    def __init__(
        self,
        rules: Mapping[str, RateRule],
        *,
        storage: Storage,
        clock: Clock,
        hooks: Hooks,
        max_subjects: int = MAX_SUBJECTS,
    ) -> None:
        self.rules = dict(rules)
        self._storage, self._clock, self._hooks = storage, clock, hooks
        self._max_subjects = max_subjects
        # All windows of a rule are equally long, so each of these is in order of their ends.
        self._windows: dict[str, dict[str, _Window]] = {name: {} for name in self.rules}
        self._dirty: set[tuple[str, str]] = set()
        # One writer at a time: who finds nothing left to save has waited for the one who took it along.
        self._saving = trio.Lock()

    def hit(self, rule: str, subject: str) -> None:
        """Count one request. Raises RateLimited when the rule is used up for this subject."""
        limit = self.rules.get(rule)
        if limit is None:
            return
        now = trio.current_time()
        window = self._window(rule, limit, subject, now)
        if window.count >= limit.requests:
            self._refuse(rule, subject, window)
        window.count += 1
        window.own += 1
        if limit.kept:
            window.news += 1
            self._dirty.add((rule, subject))

    async def count(self, rule: str, subject: str) -> None:
        """`hit`, and wait until it is counted in storage where the rule says so. Raises RateLimited, Unavailable."""
        self.hit(rule, subject)
        limit = self.rules.get(rule)
        if limit is not None and limit.at_once:
            await self.save()
            window = self._windows[rule].get(subject)
            if window is not None and window.count > limit.requests:
                self._refuse(rule, subject, window)  # by what other nodes have let through

    def forget(self, rule: str, subject: str) -> None:
        """Begin afresh for this subject."""
        window = self._windows.get(rule, {}).get(subject)
        if window is not None:
            window.count = window.own = window.news = 0
            window.again = True
            self._dirty.add((rule, subject))

    def _refuse(self, rule: str, subject: str, window: _Window) -> NoReturn:
        wait = max(1, math.ceil(window.ends - trio.current_time()))
        self._hooks.did("rate_limited", rule=rule, key=subject, retry_after=wait)
        raise RateLimited(f"Too many requests: try again in {wait} seconds.", wait)

    def _window(self, rule: str, limit: RateRule, subject: str, now: float) -> _Window:
        windows = self._windows[rule]
        window = windows.get(subject)
        if window is None or window.ends <= now:
            windows.pop(subject, None)
            self._make_room(rule, now)
            window = windows[subject] = _Window(0, now + limit.window)
        return window

    def _make_room(self, rule: str, now: float) -> None:
        windows = self._windows[rule]
        while windows:
            oldest = next(iter(windows))
            if windows[oldest].ends > now and len(windows) < self._max_subjects:
                return
            del windows[oldest]
            self._dirty.discard((rule, oldest))

    # --- outliving the process -------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up the counters that an earlier process saved. Raises Unavailable."""
        now, instant = self._clock.now(), trio.current_time()
        saved = await self._storage.read(lambda tx: tx.counters.load(now))
        for key, (count, expires_at) in sorted(saved.items(), key=lambda item: item[1][1]):
            rule, _, subject = key.partition("|")
            limit = self.rules.get(rule)
            if limit is not None:
                # A wall clock that jumped while we were away must not lengthen a window.
                left = min((expires_at - now).total_seconds(), limit.window)
                self._windows[rule][subject] = _Window(count, instant + left)

    async def save(self) -> None:
        """Write what changed since the last time. Raises Unavailable; then it is written the next time."""
        async with self._saving:
            await self._save()

    async def _save(self) -> None:
        dirty, self._dirty = self._dirty, set()
        now, instant = self._clock.now(), trio.current_time()
        windows = {
            f"{rule}|{subject}": window
            for rule, subject in dirty
            if (window := self._windows[rule].get(subject)) is not None
        }
        ends = {key: now + timedelta(seconds=window.ends - instant) for key, window in windows.items()}
        anew = {key: (0, ends[key]) for key, window in windows.items() if window.again}
        news = {key: window.news for key, window in windows.items()}
        if not windows:
            return

        async def work(tx: Tx) -> dict[str, tuple[int, datetime]]:
            if anew:
                await tx.counters.save(anew)
            return await tx.counters.add({key: (count, ends[key]) for key, count in news.items()}, now)

        for key, window in windows.items():
            window.news -= news[key]
            window.again = False
        try:
            sums = await self._storage.write(work)
        except BaseException:
            for key, window in windows.items():
                window.news += news[key]
                window.again = window.again or key in anew
            self._dirty |= dirty
            raise
        for key, window in windows.items():
            if key in sums:
                self._learn(window, *sums[key], now, instant)

    def _learn(self, window: _Window, count: int, expires_at: datetime, now: datetime, instant: float) -> None:
        """Take up what all nodes have counted together."""
        total = count + window.news
        if total > window.own and not window.again:
            # Others have counted too: their window is ours. Alone, nothing that the wall clock does shall change it.
            window.count = max(window.count, total)
            window.ends = min(window.ends, instant + (expires_at - now).total_seconds())

    async def run(self) -> None:
        """Save every second until cancelled, and once more then."""
        try:
            while True:
                await trio.sleep(SAVE_SECONDS)
                await self._save_or_say()
        finally:
            with trio.move_on_after(2, shield=True):
                await self._save_or_say()

    async def _save_or_say(self) -> None:
        try:
            await self.save()
        except ChatError as error:
            log.warning("rate limits not saved, trying again", extra={"reason": error.code})
