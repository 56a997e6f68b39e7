"""Exercises: squat, gait, jump, range of motion."""
