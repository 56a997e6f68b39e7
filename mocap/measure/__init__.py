"""Measuring: joint angles, events and metrics of a motion, each with how far it can be trusted."""
