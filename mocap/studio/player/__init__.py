"""The player of a take: what it is given, and the page it runs in."""
