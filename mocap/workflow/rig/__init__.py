"""The workflow of a rig: calibrate it, put the world on the floor, refine it from people."""
