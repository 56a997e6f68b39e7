"""From board corners to a calibrated rig and a verdict on it."""
