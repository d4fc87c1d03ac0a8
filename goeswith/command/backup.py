"""``goeswith backup`` and ``goeswith restore``: a copy of what cannot be made again, and a deployment from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goeswith.profile import Profile

MEGABYTE = 2**20


def backup(folder: Annotated[Path, typer.Argument(help="The folder to write; it must not exist.")]) -> None:
    """Copy tables, pictures, models, keys and records to a folder, while everything goes on but upkeep, erasure and publishing.

    Not in it: the user hash key and the key that signs models, which lie where you keep secrets. Example: goeswith backup /mnt/backups/monday
    """
    from goeswith.backup.taking import take_backup
    from goeswith.faults import explain_faults
    from goeswith.profile import load_profile
    from serving.rollout.repository import locked

    profile = load_profile()
    with explain_faults(profile, "backup"), locked(profile.model_repository):
        taken = take_backup(profile, folder)
    size = sum((folder / path).stat().st_size for path in taken.files) / MEGABYTE
    typer.echo(f"{folder}: {len(taken.versions)} tables, {len(taken.files):,} files, {size:,.0f} MB")


def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that 'goeswith backup' wrote.")],
    no_features: Annotated[bool, typer.Option("--no-features", help="Do not fill the online store; 'goeswith run publish' does it later.")] = False,
) -> None:
    """Put a backup into an empty home and lake, check the served models, and fill the online store from the released tables.

    Cut short, the same command goes on. Afterwards: goeswith up, and forget again who was forgotten since the backup.
    Example: GOESWITH_HOME=/mnt/new goeswith restore /mnt/backups/monday
    """
    from goeswith.backup.restoring import restore_backup
    from goeswith.faults import explain_faults
    from goeswith.profile import load_profile

    profile = load_profile()
    with explain_faults(profile, "restore"):
        put = restore_backup(profile, folder)
        typer.echo(f"restored {len(put.versions)} tables and {len(put.files):,} files, taken at {put.created_at[:16]}")
        _check_models(profile)
        if not no_features:
            _fill_features(profile)


def _check_models(profile: "Profile") -> None:
    from serving.rollout.integrity import check_served
    from serving.rollout.manifest import read_trusted

    published = read_trusted(profile)
    if published is None:
        typer.echo("no model was published")
    else:
        check_served(profile.model_repository, published)
        typer.echo(f"served models: {published.current.name}, every file is what was published")


def _fill_features(profile: "Profile") -> None:
    from goeswith.jobs import JobRun, load_job
    from goeswith.releases import valid_releases

    newest = next(reversed(valid_releases(profile)), None)
    if newest is None:
        typer.echo("nothing was released")
        return
    load_job("materialise").run(JobRun(profile=profile, run_id=f"restore-{newest.name}", versions=newest.versions))
    typer.echo(f"online store: release {newest.name}")
