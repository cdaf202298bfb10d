"""Tor: data directories, onion services, Tor Browser."""
