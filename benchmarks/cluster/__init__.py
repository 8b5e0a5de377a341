"""Two nodes in processes of their own on one PostgreSQL."""
