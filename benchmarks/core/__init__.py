"""The library in this process, on an SQLite file with every commit on the disk."""
