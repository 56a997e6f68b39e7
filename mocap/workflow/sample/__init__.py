"""The sample session, and how far its results are from the truth."""
