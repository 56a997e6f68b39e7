"""2D detection: people's keypoints in every image of every camera.

`detectors.open_detector` gives a detector, `detect.detect_take` runs it over a take, and
`registry` keeps the weights. Nothing heavy is imported here.
"""
