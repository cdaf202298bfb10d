"""OpenPGP: key rings, secret keys, and messages with their recipients."""
