"""Writers of animation and biomechanics formats."""
