"""``/pictures``: the picture store, read-only. A reference names its content, so a browser may keep what it got for good."""

import re
from typing import Annotated

from fastapi import FastAPI, Header, Response
from fastapi.responses import JSONResponse

from goeswith.errors import DataContractError
from goeswith.pictures import read_picture
from goeswith.profile import Profile
from serving.gateway.problems import answer_problem

REFERENCE = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.(jpg|png)")
"""Folder, sha256 and ending, as ``goeswith.pictures`` stores them."""
_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
_FOREVER = "private, max-age=31536000, immutable"


def add_pictures(app: FastAPI, profile: Profile) -> None:
    """Add the route."""

    @app.get("/pictures/{reference:path}", response_class=Response, responses={200: {"content": {kind: {} for kind in _TYPES.values()}}, 304: {}})
    def picture(reference: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        """Return a picture by the reference that an item's ``image`` holds."""
        named = REFERENCE.fullmatch(reference)
        if named is None:
            return _missing(reference)
        kept = {"ETag": f'"{named[2]}"', "Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
        try:
            data = read_picture(profile.pictures, reference)
        except DataContractError:
            return _missing(reference)
        if kept["ETag"] in if_none_match:
            return Response(status_code=304, headers=kept)
        return Response(data, media_type=_TYPES[named[3]], headers=kept)


def _missing(reference: str) -> JSONResponse:
    remedy = "give the reference that an item's 'image' holds: ab/<sha256>.jpg or .png"
    return answer_problem(404, "UnknownPicture", f"no picture is called {reference[:100]!r}", remedy)
