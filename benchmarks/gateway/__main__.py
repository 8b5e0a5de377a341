"""`python -m benchmarks.gateway [name …] [--quick] [--list]`."""

import sys

from benchmarks.benchmark import Benchmark
from benchmarks.gateway import crowd, idle, one_in_flight, path, reconnect, rest, saturation, stalled
from benchmarks.running import choose_and_run

BENCHMARKS = (
    Benchmark("one-in-flight", "one message at a time to 200 members", one_in_flight.measure),
    Benchmark("path", "where the time of one message to 200 members goes", path.measure),
    Benchmark("saturation", "200 members, 10 senders: how much, and how late", saturation.measure),
    Benchmark("saturation-pg", "the same, with both on PostgreSQL", saturation.measure_on_postgres),
    Benchmark("crowd", "1,000 members, 100 messages a second", crowd.measure),
    Benchmark("idle", "the size of 3,000 idle connections", idle.measure),
    Benchmark("stalled", "100 members stop reading beside 100 who do not", stalled.measure),
    Benchmark("rest", "posting and reading over HTTP, on the same PostgreSQL", rest.measure),
    Benchmark("reconnect", "3,000 clients come back at once with their cursors", reconnect.measure),
)

if __name__ == "__main__":
    sys.exit(choose_and_run("python -m benchmarks.gateway", BENCHMARKS))
