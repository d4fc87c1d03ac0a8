"""``goeswith up``, ``down`` and ``status``: the local Triton and the gateway."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from goeswith.profile import Profile, load_profile


def up(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Start Triton with the current model version, and the gateway; what runs already is left as it is.

    Example: goeswith up
    """
    profile = load_profile()
    start_servers(profile)
    _show(servers_status(profile), as_json=as_json)


def down() -> None:
    """Stop the gateway and Triton that ``up`` started.

    Example: goeswith down
    """
    stopped = stop_servers(load_profile())
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what runs, where it answers, and which model version is current.

    Example: goeswith status --json
    """
    _show(servers_status(load_profile()), as_json=as_json)


def start_servers(profile: Profile) -> None:
    """Start Triton, where the profile runs its own, then the gateway. Raises ``ModelUnavailable`` or ``EnvironmentMissing``."""
    from serving.gateway.process import start_gateway
    from serving.rollout.current import serve_current

    if profile.profile == "local":
        serve_current(profile)
    start_gateway(profile)


def stop_servers(profile: Profile) -> list[str]:
    """Stop the gateway, then Triton; return the names of those that ran."""
    from serving.gateway.process import stop_gateway
    from serving.rollout.current import stop_serving

    stopped = {"gateway": stop_gateway(profile), "triton": stop_serving(profile)}
    return [name for name, was_running in stopped.items() if was_running]


def servers_status(profile: Profile) -> dict[str, dict[str, Any]]:
    """Return the state of both servers."""
    from serving.gateway.process import gateway_status
    from serving.rollout.current import model_status

    return {"triton": asdict(model_status(profile)), "gateway": asdict(gateway_status(profile))}


def _show(servers: dict[str, dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(servers, default=str))
        return
    table = Table("server", "running", "details")
    for name, found in servers.items():
        details = "  ".join(f"{key} {value}" for key, value in found.items() if key != "running" and value is not None)
        table.add_row(name, "yes" if found.get("running") else "no", details)
    Console().print(table)
