"""Merchandisers' rules: the audited table, what is refused, and the file that clients read."""
