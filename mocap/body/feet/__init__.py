"""Feet: when they stand, where they stand, and legs that follow them."""
