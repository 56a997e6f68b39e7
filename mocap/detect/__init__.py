"""People and their keypoints in each image."""
