"""Keypoints that other tools found in the images: read, named, and brought to our detections."""
