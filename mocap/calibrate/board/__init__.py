"""Find the board in images."""
