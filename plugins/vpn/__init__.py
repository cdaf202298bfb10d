"""VPN programs: profiles, accounts, logs."""
