"""Says something in a channel's huddle: `python voice_announcer.py URL TOKEN CHANNEL "The build is green."`

The voice is espeak-ng's, where that is installed; else a file that FFmpeg reads is played: give its path as the text.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import trio

from chat_voice_webrtc.call import huddle
from chatcore.client import open_client
from chatcore.ids import ChannelId


async def spoken(text: str, folder: Path) -> Path:
    """The text as a file."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        return Path(text)
    target = folder / "text.wav"
    # `--` and stdin: a text is never an option.
    await trio.run_process([espeak, "--stdin", "-w", str(target)], stdin=text.encode())
    return target


async def main(url: str, token: str, channel: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = await spoken(text, Path(folder))
        async with open_client(url, token=token) as client, huddle(client, ChannelId(channel)) as call:
            await call.play(file)
    print("said")


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:5])
