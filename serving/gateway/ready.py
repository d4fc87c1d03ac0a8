"""Whether to send questions here: a load balancer asks that, people ask ``/health``."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from goeswith_client import Client, Health
from serving.gateway.bodies import Problem
from serving.gateway.problems import answer_problem


def add_ready(app: FastAPI, client: Client) -> None:
    """Add the route that says whether everything answers."""

    @app.get("/ready", response_model=Health, responses={503: {"model": Problem}})
    def ready() -> Health | JSONResponse:
        """Say what answers, or 503 until features and all models do."""
        found = client.health()
        missing = missing_parts(found)
        if missing:
            return answer_problem(503, "NotReady", f"not ready: {', '.join(missing)}", "goeswith status; goeswith up", {"Retry-After": "5"})
        return found


def missing_parts(found: Health) -> list[str]:
    """Return what does not answer yet."""
    models = [f"model {name}" for name, ready in found.models.items() if not ready]
    return [*([] if found.features else ["features"]), *(models if found.triton else ["Triton"])]
