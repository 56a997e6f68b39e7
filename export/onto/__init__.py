"""Put a motion onto a character of somebody else: read its rig, solve, give the file back."""
