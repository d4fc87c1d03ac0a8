"""The gateway's routes: the client's answers as REST, its errors as JSON that says what happened and what to do."""

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from goeswith import __version__
from goeswith_client import Answer, Client, ClientError, Explanation, Health, Item, UnknownItem
from goeswith_client.answers import Type
from goeswith_client.limits import MAX_ID_CHARS
from serving.gateway.bodies import BundleQuestion, BundleWish, NewItem, Problem, RelatedQuestion
from serving.gateway.limit import MAX_BODY_BYTES, LimitBody
from serving.gateway.nearest import NearestIds
from serving.gateway.problems import problem_of, status_of

ItemId = Annotated[str, Path(min_length=1, max_length=MAX_ID_CHARS)]
Asked = Annotated[RelatedQuestion, Query()]

_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (404, 413, 422, 503, 504)}


def build_app(client: Client, nearest: NearestIds) -> FastAPI:
    """Return the application over a client; ``nearest`` knows the ids that an unknown one may have meant."""
    app = FastAPI(title="goeswith", version=__version__, summary="What replaces an item, what goes with it, and why.", responses=_PROBLEMS)
    app.add_middleware(LimitBody, max_bytes=MAX_BODY_BYTES)
    _add_errors(app, nearest)
    _add_items(app, client)
    _add_questions(app, client)
    return app


def _add_errors(app: FastAPI, nearest: NearestIds) -> None:
    @app.exception_handler(ClientError)
    def refuse(_: Request, error: ClientError) -> JSONResponse:
        close = nearest.find(error.item_id) if isinstance(error, UnknownItem) else ()
        return JSONResponse(problem_of(error, close).model_dump(), status_of(error))

    @app.exception_handler(RequestValidationError)
    def explain_request(_: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors())
        return JSONResponse(Problem(error="InvalidRequest", what=wrong, remedy="see /docs for what is legal").model_dump(), 422)


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
        return client.substitutes(item_id, asked.k, asked)

    @app.get("/ask/complements/{item_id}")
    def complements(item_id: ItemId, asked: Asked) -> Answer:
        """Return what goes with an item."""
        return client.complements(item_id, asked.k, asked)

    @app.post("/ask/bundle")
    def bundle(question: BundleQuestion) -> Answer:
        """Return what completes a bundle of given items."""
        return client.bundle(question.items, question.k, question.filters)

    @app.post("/ask/make-bundle")
    def make_bundle(wish: BundleWish) -> Answer:
        """Return a bundle around an item, each of its items of another kind."""
        return client.make_bundle(wish.item, wish.size, wish.budget, wish.filters)

    @app.post("/ask/new")
    def new(question: NewItem) -> Answer:
        """Return what replaces, or goes with, an item that the shop does not have yet."""
        kind: Type = question.type
        texts = question.model_dump(include={"title", "description", "brand", "category"})
        return client.new_item(**texts, image=question.picture(), type=kind, k=question.k)
