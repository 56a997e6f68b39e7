"""What people did in a take: actions, exercises, a preview from one camera."""
