"""Bounds and defaults in one place."""

from datetime import timedelta

MAX_K = 200
MAX_GIVEN = 50
"""Items of a bundle that may be given."""
MAX_SIZE = 10
"""Items of a bundle that is made."""
MAX_MANY = 200
"""Items of one question about many."""
MAX_PAIRS = 1_000
"""Pairs that are scored at once."""
MAX_IMAGE_BYTES = 20 * 2**20
MAX_PIXELS = 40_000_000
"""Of a picture, as its header says: a small file may unfold into gigabytes."""
MAX_TEXT_CHARS = 20_000
MAX_ID_CHARS = 256
MAX_EVENTS = 1_000
"""Events that one request may bring."""
MAX_OFFERS = 1_000
"""Offers that one request may bring."""
MAX_PIECES = 100_000
MAX_PRICE = 1e7
"""Of an event, as the table ``events`` has them."""

DEADLINE_S = 2.0
RETRIES = 2
BACKOFF_S = 0.05
BREAKER_FAILURES = 5
BREAKER_RESET_S = 5.0
LAST_GOOD_S = 900.0
MAX_AGE = timedelta(days=7)
"""The freshness of the catalogue's neighbours and relations."""
MAX_THREADS = 16
"""Questions that an ``AsyncClient`` has under way at once, unless it is told another number."""
