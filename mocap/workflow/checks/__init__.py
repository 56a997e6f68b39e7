"""What is looked at before and after the stages: mixed-up videos, how a file came about."""
