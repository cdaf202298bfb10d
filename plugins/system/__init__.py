"""The operating system and its accounts: the context of other findings."""
