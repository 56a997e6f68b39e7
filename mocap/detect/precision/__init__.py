"""In which numbers networks count, and how a network is cut so that brief ones do little harm."""
