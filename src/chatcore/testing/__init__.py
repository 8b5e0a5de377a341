"""For those who test with Chatcore or build a plugin for it: a chat in memory, contract suites for each port, fakes,
and the oracle that holds a client's state to what one would read afresh.

The fixtures of `pytest_plugin` (`chat_kit`, `fake_clock`) are there wherever Chatcore is installed. The rest needs
pytest and pytest-trio too; import what you use from its module: `from chatcore.testing.bus import BusContract`.
"""
