"""What a body has beside its joints: skin, landmarks, how its fit went."""
