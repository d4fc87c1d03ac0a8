"""Verdicts beside a person's labels: which to ask about, what was answered, and how often each label is right."""
