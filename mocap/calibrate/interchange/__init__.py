"""Read and write calibrations of other tools."""

TOOLS = ("anipose", "pose2sim", "calibio", "opencap", "dlt")
"""What a calibration can be written for."""
