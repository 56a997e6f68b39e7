"""Cards of published networks, as data."""
