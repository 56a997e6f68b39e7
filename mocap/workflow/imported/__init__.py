"""What other tools found, as takes."""
