"""The gateway's routes: the client's answers as REST, its errors as JSON that says what happened and what to do."""

from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from goeswith import __version__
from goeswith.settings import GatewaySettings
from goeswith_client import Answer, Client, ClientError, Explanation, Health, Item, Scores, UnknownItem
from goeswith_client.answers import Type
from goeswith_client.many import Result
from serving.gateway.bodies import BundleQuestion, BundleWish, EachQuestion, GivenId, NewItem, PairsQuestion, Problem, RelatedQuestion
from serving.gateway.guards import add_guards
from serving.gateway.keys import Keys
from serving.gateway.problems import DECLARED, answer_invalid, answer_problem, problem_of, status_of
from serving.gateway.seen import note
from serving.nearest import NearestIds

ItemId = Annotated[GivenId, Path()]
Asked = Annotated[RelatedQuestion, Query()]


def build_app(client: Client, nearest: NearestIds, settings: GatewaySettings | None = None, keys: Keys | None = None) -> FastAPI:
    """Return the application over a client; ``nearest`` knows the ids that an unknown one may have meant. Without ``keys`` it is open."""
    app = FastAPI(title="goeswith", version=__version__, summary="What replaces an item, what goes with it, and why.", responses=DECLARED)
    add_guards(app, client, settings or GatewaySettings(), keys or Keys())
    _add_errors(app, nearest)
    _add_items(app, client)
    _add_questions(app, client)
    _add_questions_about_many(app, client)
    return app


def _add_errors(app: FastAPI, nearest: NearestIds) -> None:
    @app.exception_handler(ClientError)
    def refuse(_: Request, error: ClientError) -> JSONResponse:
        close = nearest.find(error.item_id) if isinstance(error, UnknownItem) else ()
        return JSONResponse(problem_of(error, close).model_dump(), status_of(error))

    @app.exception_handler(RequestValidationError)
    def explain_request(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer_invalid(error)

    @app.exception_handler(HTTPException)
    def explain_route(_: Request, error: HTTPException) -> JSONResponse:
        return answer_problem(error.status_code, "InvalidRequest", error.detail, "see /docs for what is legal", error.headers)

    @app.exception_handler(Exception)
    def own_up(_: Request, error: Exception) -> JSONResponse:
        return answer_problem(500, type(error).__name__, "the gateway failed: this is a bug of ours", "report it with the request id and the log")


def _add_items(app: FastAPI, client: Client) -> None:
    @app.get("/health")
    def health() -> Health:
        """Say what answers now."""
        return client.health()

    @app.get("/items/{item_id}")
    def item(item_id: ItemId) -> Item:
        """Return what the shop says of an item."""
        return client.item(item_id)

    @app.get("/explain/{a}/{b}")
    def explain(a: ItemId, b: ItemId) -> Explanation:
        """Say why two items are related, or that nothing says so."""
        return client.explain(a, b)


def _add_questions(app: FastAPI, client: Client) -> None:
    @app.get("/ask/substitutes/{item_id}")
    def substitutes(item_id: ItemId, asked: Asked) -> Answer:
        """Return what can be bought instead of an item."""
        return note(client.substitutes(item_id, asked.k, asked, asked, asked.unit))

    @app.get("/ask/complements/{item_id}")
    def complements(item_id: ItemId, asked: Asked) -> Answer:
        """Return what goes with an item."""
        return note(client.complements(item_id, asked.k, asked, asked, asked.unit))

    @app.post("/ask/bundle")
    def bundle(question: BundleQuestion) -> Answer:
        """Return what completes a bundle of given items."""
        return note(client.bundle(question.items, question.k, question.filters, question.ranking, question.unit))

    @app.post("/ask/make-bundle")
    def make_bundle(wish: BundleWish) -> Answer:
        """Return a bundle around an item, each of its items of another kind."""
        return note(client.make_bundle(wish.item, wish.size, wish.budget, wish.filters))

    @app.post("/ask/new")
    def new(question: NewItem) -> Answer:
        """Return what replaces, or goes with, an item that the shop does not have yet."""
        kind: Type = question.type
        texts = question.model_dump(include={"title", "description", "brand", "category"})
        return note(client.new_item(**texts, image=question.picture(), type=kind, k=question.k))


def _add_questions_about_many(app: FastAPI, client: Client) -> None:
    @app.post("/ask/substitutes")
    def substitutes_of_each(question: EachQuestion) -> list[Answer | Problem]:
        """Return for each item what can be bought instead of it, or why nothing is said."""
        q = question
        return [_told(found) for found in client.substitutes_of_each(q.items, q.k, q.filters, q.ranking, q.unit)]

    @app.post("/ask/complements")
    def complements_of_each(question: EachQuestion) -> list[Answer | Problem]:
        """Return for each item what goes with it, or why nothing is said."""
        q = question
        return [_told(found) for found in client.complements_of_each(q.items, q.k, q.filters, q.ranking, q.unit)]

    @app.post("/ask/scores")
    def scores(question: PairsQuestion) -> Scores:
        """Return what the model gives ordered pairs in both relations, whatever stands between them."""
        return client.score(question.pairs)


def _told(found: Result) -> Answer | Problem:
    return problem_of(found) if isinstance(found, ClientError) else note(found)
