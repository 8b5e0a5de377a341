"""`chatcore serve` as a process of its own, over HTTP."""
