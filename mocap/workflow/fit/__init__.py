"""The workflow of bodies: whose body it is, and fitting it."""
