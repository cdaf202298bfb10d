"""Cryptocurrency wallets."""
