"""Every benchmark of `python -m benchmarks`, in the order in which they run."""

from benchmarks.benchmark import Benchmark
from benchmarks.cluster import delivery
from benchmarks.core import history, hooks, postgres_senders, posts, search, send, senders
from benchmarks.server import bots, memory, ready, rest
from benchmarks.voice import beside, browsers, forwarding

BENCHMARKS = (
    Benchmark("hooks", "hook calls that no plugin listens to", hooks.measure),
    Benchmark("send", "from send to a subscriber in the same process, durable, one at a time", send.measure),
    Benchmark("senders", "50 concurrent senders, every message durable", senders.measure),
    Benchmark("postgres", "50 concurrent senders, every message durable in PostgreSQL", postgres_senders.measure),
    Benchmark("posts", "50 concurrent senders, the storage alone", posts.measure),
    Benchmark("history", "pages of 50 out of 1,000,000 messages, at any depth", history.measure),
    Benchmark("search", "full-text search in 1,000,000 messages", search.measure),
    Benchmark("ready", "from the start of the process to its ready line", ready.measure),
    Benchmark("memory", "resident size of an idle server", memory.measure),
    Benchmark("nodes", "from a send on one node to a subscriber on another, 1,000 a second", delivery.measure),
    Benchmark("bots", "100 bots in one process, and how soon they answer", bots.measure),
    Benchmark("rest", "posting and reading over HTTP", rest.measure),
    Benchmark("voice", "huddles through the server: cost, delay, and how far one core goes", forwarding.measure),
    Benchmark("voice-chat", "what a huddle through the server costs those who write", beside.measure),
    Benchmark(
        "voice-browsers", "how soon people in browsers hear each other, and what is heard of a change", browsers.measure
    ),
)
