"""Takes of one run side by side: what keeps one core busy runs in processes of its own."""
