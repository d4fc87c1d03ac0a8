"""The object store that a lake may lie in: what delta-rs is told of it, how its files are reached without a JVM, what its errors mean."""

import re
import shutil
from pathlib import Path

from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSystem, LocalFileSystem, PyFileSystem, S3FileSystem, SubTreeFileSystem

from goeswith.errors import ConfigError, EnvironmentMissing, GoeswithError, StoreUnavailable
from goeswith.profile import Profile

NO_BUCKET = re.compile(r"NoSuchBucket|UnknownStoreException")
REFUSED = re.compile(
    r"lacked the necessary privileges|lacked valid authentication|AccessDenied|NoAuthWithAWS|NoAwsCredentials|ACCESS_DENIED|Status Code: 40[13]\b"
)
AWAY = re.compile(
    r"Generic S3 error|NETWORK_CONNECTION|AWS\w*IOException|AWSStatus5\w+|Unable to execute HTTP request|provider chain|providers in chain"
)
"""What delta-rs and Hadoop's S3 client say of a store without the bucket, of one that does not let us in, of one that does not answer."""
BOUNDS = {"connect_timeout": "5s", "timeout": "60s", "max_retries": "5", "retry_timeout": "30s"}
"""How long a request may take, and for how long it is tried again: an object store that is away ends a job within a minute."""


def storage_options(profile: Profile) -> dict[str, str] | None:
    """Return delta-rs's options of the lake's object store, None for a folder. Credentials are not among them: it reads the environment itself.

    A commit is a conditional write, which the store refuses to the second of two writers, and never what the environment would make of it.
    """
    if not profile.on_s3:
        return None
    here = {"aws_endpoint": profile.s3.endpoint, "allow_http": str(profile.s3.endpoint.startswith("http://")).lower()} if profile.s3.endpoint else {}
    return {**BOUNDS, **here, "aws_region": profile.s3.region, "conditional_put": "etag", "AWS_S3_ALLOW_UNSAFE_RENAME": "false"}


def open_files(profile: Profile, uri: str) -> FileSystem:
    """Return the files below a folder of the lake; their paths are relative to it."""
    if profile.on_s3:
        return PyFileSystem(DeltaStorageHandler(uri, storage_options(profile)))
    return SubTreeFileSystem(str(Path(uri).absolute()), LocalFileSystem())


def write_file(profile: Profile, path: str, source: Path) -> None:
    """Put a file into the lake's object store, at a path below the lake. delta-rs's own file system takes no bytes of pyarrow's."""
    store = S3FileSystem(endpoint_override=profile.s3.endpoint or None, region=profile.s3.region)
    with source.open("rb") as opened, store.open_output_stream(f"{profile.lake_uri.removeprefix('s3://')}/{path}") as out:
        shutil.copyfileobj(opened, out)


def find_store_fault(text: str, profile: Profile) -> GoeswithError | None:
    """Return what an error's text says of the lake's object store, None where it says nothing of it.

    What the store itself said is left out: it repeats the request that we signed.
    """
    if not profile.on_s3:
        return None
    store = profile.s3.endpoint or f"Amazon S3 in {profile.s3.region}"
    if NO_BUCKET.search(text):
        return ConfigError(f"{store} has no bucket for {profile.lake_uri}", "create the bucket, or correct GOESWITH_LAKE")
    if REFUSED.search(text):
        remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that may list, read, write and delete there"
        return EnvironmentMissing(f"{store} refuses access to {profile.lake_uri}", remedy)
    if AWAY.search(text):
        remedy = "look whether it runs and can be reached from here, and at GOESWITH_S3__ENDPOINT"
        return StoreUnavailable(f"{store} does not answer for {profile.lake_uri}", remedy)
    return None
