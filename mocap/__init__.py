"""Synchronised videos in, motion people can trust out."""
