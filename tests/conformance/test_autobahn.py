"""RFC 6455 as the Autobahn testsuite asks about it: its families 1 to 7, 9 and 10, on both lanes, none failed.

The sizes are those that the limit of 64 KiB allows; each case is also sent in other pieces than the suite does.
"""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import trio
from tests.chatserver.net.frames import CLOSE, TEXT, close_of, frame, parse_server_frames
from tests.conformance.autobahn import closing, fragments, framing, limits, masks, pings, reserved, unicode
from tests.conformance.case import Case
from tests.conformance.echoing import echoing
from tests.conformance.judge import LANES, play, upgraded

from chatserver.net.socket import LINGER_SECONDS

_MODULES = (framing, pings, reserved, fragments, unicode, closing, limits, masks)
_CASES = [case for module in _MODULES for case in module.CASES]
_IN_THE_SUITE = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1}
"""Family -> cases. Families 8 and 11 do not exist; 12 and 13 are about compression, which is not offered."""

pytestmark = pytest.mark.programme


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with echoing() as port:
        yield port


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.number)
async def test_case(case: Case, lane: str, port: int) -> None:
    for cut in case.cuts:
        await play(case, port, lane, cut)


def test_no_case_of_the_suite_is_missing() -> None:
    numbers = [case.number for case in _CASES]
    assert len(set(numbers)) == len(numbers)
    assert Counter(case.family for case in _CASES if not case.number.endswith("+")) == _IN_THE_SUITE


@pytest.mark.parametrize("lane", LANES)
async def test_the_server_ends_the_connection_even_if_the_client_never_does(lane: str, port: int) -> None:
    stream = await upgraded(port, lane)
    await stream.send_all(frame(TEXT, b"\xff"))
    heard = b""
    with trio.fail_after(LINGER_SECONDS + 1):
        while data := await stream.receive_some():
            heard += data
    opcode, payload = parse_server_frames(heard)[0][-1]
    assert (opcode, close_of(payload)[0]) == (CLOSE, 1007)
    await trio.aclose_forcefully(stream)
