"""What is assumed of lenses, and which model a lens needs."""
