"""Body segments as frames over time."""
