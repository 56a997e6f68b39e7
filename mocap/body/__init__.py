"""Skeletons and body models."""
