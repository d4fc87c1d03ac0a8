"""One operator factory per profile: how a job becomes a task."""
