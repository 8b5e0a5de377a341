"""What the product promises about speed and size, measured: `python -m benchmarks [name …] [--quick]`.

figure      one measured number, its unit and its target          table      how it is printed
setting     where a run may write, and how thorough it is         machine    what it ran on
catalogue   every benchmark by name
core/       the library in this process, on an SQLite file
server/     `chatcore serve` as a process, over HTTP
gateway/    the server and the stack that it replaces, in turn, under the same load: `python -m benchmarks.gateway`
load/       the load generator, in C
"""
