"""The report of a take."""
