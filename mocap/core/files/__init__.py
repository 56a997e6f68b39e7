"""Files: read what others wrote, say what the world outside does."""
