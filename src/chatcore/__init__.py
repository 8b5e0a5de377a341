"""Team chat as a library."""
