"""``goeswith bench features``: reading online features beside plain Redis, and bringing many rows online."""
