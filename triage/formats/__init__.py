"""Readers and checks that several plugins share. They take bytes, never a path of this host."""
