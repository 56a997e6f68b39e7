"""Model cards: where detector weights come from, what they are, and how they are checked."""
