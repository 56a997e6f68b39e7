"""The studio: one page of a session, served to this machine alone."""
