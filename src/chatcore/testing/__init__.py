"""For those who test with Chatcore or build a plugin for it: contract suites for each port, and fakes.

Needs pytest and pytest-trio. Import what you use from its module: `from chatcore.testing.bus import BusContract`.
"""
