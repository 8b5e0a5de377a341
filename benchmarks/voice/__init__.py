"""Huddles through the server: what forwarding costs, how late it makes a voice, and how far one core goes."""
