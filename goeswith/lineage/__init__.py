"""Lineage: from which rows, by which runs, a table's version or a served model came."""
