"""The jobs that DAGs run: one module a job, ten lines of wiring each."""
