"""What a body has beside its joints: skin, landmarks."""
