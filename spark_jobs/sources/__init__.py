"""One module a source: raw rows with the catalogue's column names, as text; ingest checks them."""
