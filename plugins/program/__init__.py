"""Programs of the list: traces that they lie here, ran, or went; for Windows, Linux and macOS."""
