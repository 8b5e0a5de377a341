"""Makes one file of a recording's: `python -m chat_voice_webrtc.mixing FOLDER NAME`. In a process of its own, as it
decodes what strangers sent.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext

RATE = 48_000
MEMORY = 2 * 1024**3
"""Bytes of address space that the process may have."""


def mix(sources: list[Path], target: Path) -> None:
    """Everybody at their level, limited where they are loud together. Raises OSError and FFmpegError."""
    inputs = [av.open(str(path)) for path in sources]
    try:
        graph, ends = _graph(len(inputs))
        with av.open(str(target), "w", format="ogg") as output:
            stream = output.add_stream("libopus", rate=RATE, layout="mono")
            for frame in _mixed(graph, ends, [_frames(each) for each in inputs]):
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    finally:
        for each in inputs:
            each.close()


def _graph(count: int) -> tuple[Graph, list[FilterContext]]:
    graph = Graph()
    ends = [graph.add_abuffer(sample_rate=RATE, format="s16", layout="mono") for _ in range(count)]
    mixer = graph.add("amix", f"inputs={count}:normalize=0:duration=longest")
    for index, end in enumerate(ends):
        end.link_to(mixer, 0, index)
    limiter = graph.add("alimiter", "limit=0.95")
    shape = graph.add("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={RATE}")
    sink = graph.add("abuffersink")
    mixer.link_to(limiter)
    limiter.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    return graph, [*ends, sink]


def _frames(source: InputContainer) -> Iterator[av.AudioFrame]:
    """Frames of one file, in mono. A file that breaks off, as when its writer died, gives what there is."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    position = 0
    try:
        for frame in source.decode(audio=0):
            for made in resampler.resample(frame):
                made.pts = position
                position += made.samples
                yield made
    except FFmpegError:
        return


def _mixed(graph: Graph, ends: list[FilterContext], sources: list[Iterator[av.AudioFrame]]) -> Iterator[av.AudioFrame]:
    *inputs, sink = ends
    open_inputs = dict(enumerate(sources))
    while open_inputs:
        for index, frames in list(open_inputs.items()):
            frame = next(frames, None)
            if frame is None:
                del open_inputs[index]
            inputs[index].push(frame)
        yield from _ready(sink)
    yield from _ready(sink)


def _ready(sink: FilterContext) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        frame.pts = None
        yield frame


def main() -> None:
    """The command."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    draft = folder / f"{name}.part"
    mix(sorted(folder.glob("[0-9]*-*.opus")), draft)
    draft.rename(folder / name)


if __name__ == "__main__":
    main()
