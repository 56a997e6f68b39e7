"""From 2D keypoints of all views to trusted points in space."""
