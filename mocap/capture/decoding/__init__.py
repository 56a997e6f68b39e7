"""Frames of a video as a decoder gives them: which they are, and how to go on from one."""
