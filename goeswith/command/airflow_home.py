"""Airflow for one process: its home, its settings and its database, set before the first import."""

import os
from collections.abc import Callable

from goeswith.profile import PROJECT_ROOT, Profile


def prepare_airflow(profile: Profile) -> None:
    """Point Airflow at this deployment and bring its database up to date (SQLite, unless the environment names another).

    Must be called before anything imports ``airflow``; tasks inherit the environment.
    """
    set_airflow_environment(profile, os.environ.__setitem__)
    _migrate(profile)
    write_pools(profile)


def write_pools(profile: Profile) -> dict[str, int]:
    """Create the pools that our tasks name, or give them the profile's sizes, in the Airflow that the environment names; return slots by pool."""
    from dags.operators import pools

    return pools.write_pools(profile.operator)


def set_airflow_environment(profile: Profile, set_variable: Callable[[str, str], None]) -> None:
    """Set what Airflow and the tasks' processes read from the environment; what is set already by an operator stays."""
    home = profile.root / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    defaults = {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
        "AIRFLOW__CORE__FERNET_KEY": "",
    }
    for key, value in defaults.items():
        set_variable(key, os.environ.get(key, value))
    set_variable("AIRFLOW_HOME", str(home))
    set_variable("AIRFLOW__CORE__DAGS_FOLDER", str(PROJECT_ROOT / "dags"))
    set_variable("GOESWITH_HOME", str(profile.root))
    set_variable("PYTHONPATH", os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])))


def _migrate(profile: Profile) -> None:
    import airflow
    from airflow.utils.db import initdb

    done = profile.root / "airflow" / f"migrated-{airflow.__version__}"
    if not done.exists():
        initdb()
        done.touch()
