"""Core types, geometry and storage: everything the stages share."""
