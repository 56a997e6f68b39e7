"""Pitching: the throws of a take, measured."""
