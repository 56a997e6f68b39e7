"""Has a camera moved? Told by what stands behind the people: the same in two recordings, or not."""
