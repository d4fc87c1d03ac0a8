"""The Explorer: the page, and the routes that only it needs, beside the client's answers."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from goeswith.errors import GoeswithError
from goeswith.profile import Profile
from goeswith_client import Client
from serving.gateway.assets import add_page
from serving.gateway.dashboard import Board, add_dashboard
from serving.gateway.newest import NewestRelease
from serving.gateway.pictures import add_pictures
from serving.gateway.problems import answer_problem
from serving.gateway.rules import add_rule_routes
from serving.gateway.search import CatalogueSearch, add_search


def add_explorer(app: FastAPI, client: Client, profile: Profile) -> None:
    """Add the page, search, pictures, dashboard and rules of a deployment to its gateway."""
    newest = NewestRelease(profile)
    add_page(app)
    add_search(app, client, CatalogueSearch(profile, newest))
    add_pictures(app, profile)
    add_dashboard(app, Board(profile, client, newest))
    add_rule_routes(app, profile)

    @app.exception_handler(GoeswithError)
    def refuse(_: Request, error: GoeswithError) -> JSONResponse:
        """What the lake cannot give now is not the caller's mistake."""
        return answer_problem(503, type(error).__name__, error.what, error.remedy)
