"""Parts of the fault benchmark: processes that fail on purpose, sessions, what is done to them."""
