"""``goeswith pools``: Airflow's pools as the profile has them, in an Airflow that is set up by its own commands."""

import typer


def pools() -> None:
    """Create the pools that our tasks take slots of, or give them the profile's sizes; Airflow's database must be there.

    Example: airflow db migrate && goeswith pools
    """
    from goeswith.command.airflow_home import write_pools
    from goeswith.profile import load_profile

    for name, slots in write_pools(load_profile()).items():
        typer.echo(f"{name}: {slots} slots")
