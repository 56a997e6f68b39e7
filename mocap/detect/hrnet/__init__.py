"""HRNet: the network, its weights and the detector."""
