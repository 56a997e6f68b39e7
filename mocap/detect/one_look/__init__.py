"""Detectors that look at each person once: fewer networks, less accurate than MoveNet and HRNet."""
