"""The shared kernel: tables, profile, errors, the lake without a JVM, jobs and results."""

__version__ = "0.1.0"
