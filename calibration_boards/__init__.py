"""Board definitions shipped with mocap-studio (TOML data, read by mocap.capture.boards)."""
