"""A moving skeleton from keypoints alone."""
