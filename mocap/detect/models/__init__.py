"""Model cards: what each network is, where its files come from, and their checksums."""
