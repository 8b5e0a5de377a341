"""Times in columns."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chat_storage_sqlite.columns import from_ms, to_ms


@given(st.datetimes(timezones=st.timezones()).map(lambda moment: moment.replace(tzinfo=UTC)))
def test_times_keep_their_milliseconds(moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert from_ms(to_ms(whole)) == whole
    assert timedelta(0) <= moment - from_ms(to_ms(moment)) < timedelta(milliseconds=1)
