"""Calibrations of other tools: read and written."""
