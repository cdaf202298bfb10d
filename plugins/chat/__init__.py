"""Chat programs."""
