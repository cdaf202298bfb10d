"""An example of a plugin package."""
