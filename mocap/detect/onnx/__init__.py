"""Networks of a user's own as ONNX files: a card says how each is fed and read."""
