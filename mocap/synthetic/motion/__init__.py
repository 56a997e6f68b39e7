"""Motions with known truth."""
