"""The command line; imports the other folders lazily and is imported by none."""
