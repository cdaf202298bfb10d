"""Practice images with known answers."""
