"""A motion made ready for files: skeleton, skin, names, rest pose."""
