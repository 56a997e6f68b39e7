"""Rendered footage of people and boards."""
