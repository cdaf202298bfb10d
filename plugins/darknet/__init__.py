"""Anonymity networks and programs other than Tor itself."""
