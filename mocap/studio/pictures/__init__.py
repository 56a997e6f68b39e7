"""Contact sheets: what was found, drawn over the frames."""
