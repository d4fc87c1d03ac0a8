"""Great Expectations suites derived from the catalogue; a failed or crashed gate restores the table."""
