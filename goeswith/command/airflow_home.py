"""Airflow for one process: its home, its settings and its database, set before the first import."""

import os

from goeswith.profile import PROJECT_ROOT, Profile


def prepare_airflow(profile: Profile) -> None:
    """Point Airflow at this deployment and bring its database up to date (SQLite, unless the environment names another).

    Must be called before anything imports ``airflow``; tasks inherit the environment.
    """
    home = profile.root / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "GOESWITH_HOME": str(profile.root),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    for key, value in settings.items():
        if key.startswith("AIRFLOW"):
            os.environ.setdefault(key, value)
        else:
            os.environ[key] = value
    _migrate(profile)


def _migrate(profile: Profile) -> None:
    import airflow
    from airflow.utils.db import initdb

    done = profile.root / "airflow" / f"migrated-{airflow.__version__}"
    if not done.exists():
        initdb()
        done.touch()
