"""The names of a take's stages, in order: light enough for the options of a command."""

from __future__ import annotations

# The report comes before the export: it shows why a skeleton may be refused.
STAGES = ("detect", "associate", "triangulate", "smooth", "fit", "report", "export")

# Without a body the export builds a skeleton straight from the keypoints.
STAGES_WITHOUT_BODY = tuple(stage for stage in STAGES if stage != "fit")
