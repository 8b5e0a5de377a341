"""What Redis itself has to say: passwords, sentinels, clusters, and none at all."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.plugins.chat_bus_redis.site import context
from tests.services.redis import Redis, free_port, running_redis, wait_for_answer

from chat_bus_redis import open_bus
from chatcore.errors import ConfigError
from chatcore.testing.bus import Inbox, envelope


async def meet(url: str) -> None:
    """Two nodes at this address reach each other."""
    async with open_bus(context(url)) as one, open_bus(context(url)) as other:
        heard = Inbox()
        with other.subscribe(heard):
            one.publish([envelope(1)])
            await until(lambda: heard.seqs == [1])


async def test_a_wrong_password_stops_the_start() -> None:
    with running_redis("--requirepass", "open sesame") as redis:
        await meet(f"redis://:open%20sesame@127.0.0.1:{redis.port}")
        for wrong in ("", ":open@", "ali:baba@"):
            with pytest.raises(ConfigError, match="refuses this user or password"):
                async with open_bus(context(f"redis://{wrong}127.0.0.1:{redis.port}")):
                    pass


async def test_a_redis_that_is_away_is_waited_for() -> None:
    port = free_port()
    async with open_bus(context(f"redis://127.0.0.1:{port}")) as bus:
        assert (await bus.health())["ok"] is False
        with tempfile.TemporaryDirectory() as folder:
            redis = Redis(Path(folder), port=port)
            try:
                redis.start()
                with trio.fail_after(10):
                    while not (await bus.health())["ok"]:  # noqa: ASYNC110  # nothing could wake us
                        await trio.sleep(0.01)
            finally:
                redis.stop()


async def test_nodes_meet_in_a_cluster() -> None:
    # Left to itself the nodes' own port is 10,000 higher, and not every free one has such a neighbour.
    with running_redis("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as redis:
        command(redis.port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await until(lambda: b"cluster_state:ok" in command(redis.port, "CLUSTER", "INFO"))
        await meet(f"redis+cluster://127.0.0.1:{redis.port}")


async def test_sentinels_say_who_is_primary_also_after_a_failover() -> None:
    with running_redis() as first, running_redis("--replicaof", "127.0.0.1", str(first.port)) as second:
        await until(lambda: b"slave0" in command(first.port, "INFO", "replication"))
        with running_sentinel(first.port) as sentinel:
            url = f"redis+sentinel://127.0.0.1:{sentinel}/chat"
            await until(lambda: b"num-slaves\r\n$1\r\n1" in command(sentinel, "SENTINEL", "MASTER", "chat"))
            await meet(url)
            async with open_bus(context(url)) as one, open_bus(context(url)) as other:
                heard = Inbox()
                with other.subscribe(heard):
                    first.stop()
                    with trio.fail_after(20):
                        while not heard.seqs:
                            one.publish([envelope(1)])
                            await trio.sleep(0.05)
            assert b"role:master" in command(second.port, "INFO", "replication")


def test_without_coredis_the_start_says_what_to_install() -> None:
    program = """
import sys, trio
sys.modules["coredis"] = None
from chatcore import Config, open_chat
from chatcore.errors import ConfigError
async def main():
    async with open_chat(config=Config(database_url="memory:", redis_url="redis://localhost")):
        pass
try:
    trio.run(main)
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'chatcore[redis]'" in done.stdout


def test_nobody_who_does_not_use_it_loads_coredis() -> None:
    program = "import sys, chat_bus_redis; chat_bus_redis.register_providers(); sys.exit('coredis' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@contextmanager
def running_sentinel(primary: int) -> Iterator[int]:
    """A sentinel that watches `chat` at this port; its own port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="sentinel-") as folder:
        config = Path(folder) / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor chat 127.0.0.1 {primary} 1\n"
            "sentinel down-after-milliseconds chat 500\nsentinel failover-timeout chat 2000\n"
        )
        process = subprocess.Popen(
            ["redis-server", str(config), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_for_answer(port)
            yield port
        finally:
            process.kill()
            process.wait()


def command(port: int, *words: str) -> bytes:
    """What a server answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        encoded = b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
        line.sendall(b"*%d\r\n%s" % (len(words), encoded))
        time.sleep(0.02)
        return line.recv(65_536)
