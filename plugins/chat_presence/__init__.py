"""Who is online, kept in memory."""
