"""The commands, one group a file. They are imported when they are called."""
