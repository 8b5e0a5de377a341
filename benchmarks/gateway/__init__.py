"""Our server and the stack that the specification names, in turn, under the same load.

stage       a server with people and their tokens, ready for the load        ours, theirs: how it is set
loader      the load generator of `benchmarks/load`, compiled and driven
saturation  one_in_flight  crowd  idle  reconnect                            the scenarios
"""
