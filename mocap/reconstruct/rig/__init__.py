"""Refine and check where the cameras stand from the people they saw."""
