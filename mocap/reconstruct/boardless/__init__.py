"""A rig from one walking person: no board, lenses known."""
