"""Terminal output: safe text on stdout, progress and complaints on stderr."""
