"""What was observed of a person: points in space and pixels, held so that long takes fit in."""
