"""Mail: accounts, remailer programs, messages to and from remailers."""
