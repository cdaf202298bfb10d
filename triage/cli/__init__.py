"""The command line: parse, call, render, exit code. No forensic logic."""
