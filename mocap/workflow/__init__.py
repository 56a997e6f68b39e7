"""From a session folder to its files, for the command line and for Python alike."""
