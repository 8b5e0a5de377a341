"""Writes what is said in a channel's huddle to a file: `python voice_recorder.py URL TOKEN CHANNEL SECONDS out.wav`

Everybody in the huddle sees the bot in it.
"""

import sys
import wave

import trio

from chat_voice_webrtc.call import RATE, huddle
from chatcore.client import open_client
from chatcore.ids import ChannelId


async def main(url: str, token: str, channel: str, seconds: str, target: str) -> None:
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        async with (
            open_client(url, token=token) as client,
            huddle(client, ChannelId(channel), slots=1) as call,
        ):
            print("listening", flush=True)
            with trio.move_on_after(float(seconds)):
                async for frame in call.listen():
                    file.writeframes(frame.samples)
    print("written")


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:6])
