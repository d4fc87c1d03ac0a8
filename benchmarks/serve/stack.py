"""What answers, brought up over a made catalogue: the online store, Triton with the current version, and one client in this process."""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.serve.export import write_export
from benchmarks.serve.made import RUN, Catalogue, make_catalogue, write_tables
from feature_repo.jobs import materialise
from goeswith import fingerprint
from goeswith.jobs import JobRun
from goeswith.model_contract import MANIFEST
from goeswith.ports import free_ports
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.results import write_json
from goeswith_client import Client, ClientConfig
from serving.rollout import publish
from serving.rollout.current import serve_current, stop_serving
from training.dataset import Floats

MADE = "made.json"
CODE = ("feature_repo", "benchmarks", "goeswith")
"""What the stored tables depend on."""
DEADLINE_S = 5.0
UNBOUNDED = "100000000/second"


@dataclass(frozen=True, slots=True)
class Stack:
    """A catalogue, the deployment that serves it, a client of that, and the vectors (N, d) that substitutes are searched among."""

    profile: Profile
    catalogue: Catalogue
    client: Client
    vectors: Floats


@contextmanager
def serving(profile: Profile, items: int) -> Iterator[Stack]:
    """Serve a catalogue of ``items`` from a home below the profile's, for as long as the block lasts. Tables are made once."""
    http, rpc, metrics, gateway = free_ports(4)
    ports = {"grpc_port": rpc, "http_port": http, "metrics_port": metrics}
    own = profile.moved(profile.root / "bench" / "serve" / str(items), triton=ports, gateway={"port": gateway, "rate": UNBOUNDED})
    catalogue = make_catalogue(items)
    with progress("made catalogue", None) as advance:
        advance(1, "tables and online store")
        _materialise_once(own, catalogue)
        advance(1, "vectors")
        vectors = write_export(own, catalogue)
        publish.run(JobRun(profile=own, run_id=RUN, params={"run": RUN}))
    serve_current(own)
    config = ClientConfig(features=own.features, triton=f"127.0.0.1:{rpc}", manifest=own.model_repository / MANIFEST, deadline_s=DEADLINE_S)
    try:
        with Client(config) as client:
            client.features.items([catalogue.ids[0]])
            gc.collect()
            gc.freeze()  # as the gateway does before its first question
            yield Stack(own, catalogue, client, vectors)
    finally:
        stop_serving(own)


def _materialise_once(profile: Profile, catalogue: Catalogue) -> None:
    made_by = {"code": fingerprint.of_code(CODE), "items": len(catalogue.ids)}
    done = profile.root / MADE
    if not done.exists() or json.loads(done.read_text(encoding="utf-8")) != made_by:
        write_tables(profile, catalogue)
        materialise.run(JobRun(profile=profile, run_id=RUN))
        write_json(done, made_by)
