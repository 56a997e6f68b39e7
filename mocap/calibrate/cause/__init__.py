"""Why a recording does not fit together: who was moved, mirrored, copied, or started late."""
