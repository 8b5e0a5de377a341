"""Bots in the same process as the chat: no network, no token.

place     a workspace and a home, as chatcore.bot describes them, on the services of a chat
plugin    a bot as a plugin: `open_chat(plugins=[bot.plugin()])`, `chatcore serve --plugin dice.py`
shell     a bot in a terminal, with a chat in memory: `python dice.py --shell`

`chatcore.bot` sees values only and knows nothing of this; it finds it by entry point.
"""
