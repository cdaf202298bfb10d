"""Containers of encrypted data."""
