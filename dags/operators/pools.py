"""Airflow's pools: at most so many tasks of a kind at once, however many DAGs run."""

from goeswith.jobs import GPU, folder_of
from goeswith.settings import OperatorSettings

SPARK_POOL, GPU_POOL, DEFAULT_POOL = "spark", "gpu", "default_pool"


def pool_of(job: str) -> str:
    """Return the pool that the tasks of a job take a slot of."""
    if folder_of(job) == "spark_jobs":
        return SPARK_POOL
    return GPU_POOL if job in GPU else DEFAULT_POOL


def write_pools(settings: OperatorSettings) -> dict[str, int]:
    """Create the pools in Airflow's database, or give them the profile's sizes; return slots by pool.

    A deferred task keeps its slot: its pod works.
    """
    from airflow.models.pool import Pool

    slots = {SPARK_POOL: settings.spark_slots, GPU_POOL: settings.gpu_slots}
    for name, count in slots.items():
        Pool.create_or_update_pool(name, slots=count, description="of goeswith: written anew from its profile", include_deferred=True)
    return slots
