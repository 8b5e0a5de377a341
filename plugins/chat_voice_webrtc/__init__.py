"""Huddles through this server (provider kind `voice`, name `webrtc`): packets are forwarded, in processes of their own.

Needs the extra `voice`; without it the plugin loads, and refuses to be chosen.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from chat_voice_webrtc.child import MediaProcess
from chat_voice_webrtc.recordings import Recordings
from chat_voice_webrtc.voice import WebRtcVoice
from chatcore.config import port_range
from chatcore.errors import ConfigError
from chatcore.hooks import HookContext, PluginConfig, hookimpl
from chatcore.ports import Provider, ProviderContext, background

__all__ = ["Settings", "WebRtcVoice", "open_voice", "register_providers"]

NEEDED = ("aiortc", "av", "uvloop")


class Settings(PluginConfig):
    """`[plugin.chat_voice_webrtc]` in chat.toml."""

    recordings_dir: str | None = None
    """Where recordings are kept; without it, in `recordings` beside the database."""
    recording_days: int = 0
    """Days after which a recording is removed; 0 keeps it until somebody removes it."""


@asynccontextmanager
async def open_voice(context: ProviderContext, settings: Settings | None = None) -> AsyncIterator[WebRtcVoice]:
    """The port over as many media processes as are configured. Raises ConfigError.

    A process is started when it is first needed; where `voice` names this plugin, at once.
    """
    problem = missing()
    if problem is not None:
        raise ConfigError(problem)
    config, settings = context.config, settings or Settings()
    voice = WebRtcVoice(config.voice_max_seats, Recordings(_root(context, settings), settings.recording_days))
    children = [MediaProcess(command, voice) for command in _commands(context)]
    async with background() as tasks:
        voice.serve_with(children, tasks)
        for index, child in enumerate(children):
            tasks.keep(f"media process {index + 1}", child.run)
            if config.voice == "webrtc":
                child.want()
        tasks.keep("mixing of recordings", voice.recordings.run)
        tasks.keep("removal of recordings", voice.recordings.sweep)
        yield voice


def missing() -> str | None:
    """What to install so that this can work; None when nothing is missing."""
    if all(find_spec(name) is not None for name in NEEDED):
        return None
    return "the voice provider `webrtc` needs aiortc, av and uvloop: pip install 'chatcore[voice]'"


@hookimpl
def register_providers(ctx: HookContext) -> Iterable[Provider]:
    """Our own forwarding unit for huddles."""
    factory = partial(open_voice, settings=ctx.config(Settings))
    return [Provider(kind="voice", name="webrtc", factory=factory, missing=missing())]


def _root(context: ProviderContext, settings: Settings) -> Path | None:
    if settings.recordings_dir is not None:
        return Path(settings.recordings_dir)
    return None if context.data_dir is None else context.data_dir / "recordings"


def _commands(context: ProviderContext) -> list[tuple[str, ...]]:
    """The arguments of each process: the whole range for all, of which each takes the first free port."""
    first, last = port_range(context.config.voice_ports)
    ports = ("--first", str(first), "--last", str(last))
    public = context.config.voice_public_address
    return [(*ports, *(() if public is None else ("--public", public)))] * context.config.voice_processes
