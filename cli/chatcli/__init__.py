"""The `chatcore` command."""
