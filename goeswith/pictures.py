"""The picture store: content-addressed files, so an item's ``image`` is independent of where it came from."""

import hashlib
import io
import os
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from goeswith.errors import DataContractError

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 40_000_000


def check_picture(data: bytes) -> str:
    """Decode a picture and return its file ending (jpg or png).

    Raises ``DataContractError`` for what is no JPEG or PNG, is cut short, or is larger than the limits
    (bytes before decoding, pixels before allocation: a small file may unfold into gigabytes).
    """
    if len(data) > MAX_BYTES:
        raise DataContractError(f"picture of {len(data)} bytes", f"at most {MAX_BYTES} bytes")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DataContractError(f"picture of {picture.width} x {picture.height} pixels", f"at most {MAX_PIXELS} pixels")
            picture.load()
            return "jpg" if picture.format == "JPEG" else "png"
    except UnidentifiedImageError as error:  # its own message holds a memory address, another at each reading
        raise DataContractError("no readable picture: neither JPEG nor PNG", "give a JPEG or PNG file") from error
    except Image.DecompressionBombError as error:  # Pillow's own bound, far above ours, and no OSError
        raise DataContractError(f"no readable picture: {error}", f"at most {MAX_PIXELS} pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataContractError(f"no readable picture: {error}", "give a JPEG or PNG file") from error


def store_picture(root: Path, data: bytes) -> str:
    """Check and store a picture; return its reference 'ab/<sha256>.jpg'. Storing it again changes nothing."""
    ending = check_picture(data)
    digest = hashlib.sha256(data).hexdigest()
    reference = f"{digest[:2]}/{digest}.{ending}"
    path = root / reference
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(data)
        beside.replace(path)
    return reference


def read_picture(root: Path, reference: str) -> bytes:
    """Return the bytes of a stored picture. Raises ``DataContractError`` for a reference that is not in the store."""
    path = (root / reference).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise DataContractError(f"picture {reference!r} is not in {root}", "run ingest again")
    return path.read_bytes()
