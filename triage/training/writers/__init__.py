"""Writers of real formats: what a program would have left, the same bytes each time."""
