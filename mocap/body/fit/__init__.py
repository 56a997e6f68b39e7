"""Fit a body to keypoints: shape, pose of every frame, and how sure all of it is."""
