"""For those who test with Chatcore or build a plugin for it: contract suites for each port, fakes, and the oracle
that holds a client's state to what one would read afresh.

Needs pytest and pytest-trio. Import what you use from its module: `from chatcore.testing.bus import BusContract`.
"""
