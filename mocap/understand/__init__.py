"""Understanding motion: what a person does, how one repetition differs from another, and what a
single camera can tell."""
