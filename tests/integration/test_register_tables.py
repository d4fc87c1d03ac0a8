"""Tables by name: registered in an embedded metastore by one process, read by name in another."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake, releases
from goeswith.catalogue import find_table
from goeswith.profile import PROJECT_ROOT, Profile
from tests.faults.processes import SIZED
from tests.tiny_shop import item_rows, write_rows, write_tiny_lake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

REGISTER = """
import json, sys
from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import load_profile
from spark_jobs import register_tables
from spark_jobs.session import get_session
profile = load_profile()
for _ in range(2):
    done = register_tables.run(JobRun(profile=profile, run_id="r"))
spark = get_session(profile, "again")
spark.sql("DROP TABLE goeswith_newest.events")
spark.sql(f"CREATE TABLE goeswith_newest.events USING delta LOCATION '{sys.argv[1]}'")  # another place, as before a lake was moved
print(json.dumps(dict(register_tables.run(JobRun(profile=profile, run_id="r")).summary)))
"""
READ = """
import json
from goeswith.profile import load_profile
from spark_jobs.session import get_session
spark = get_session(load_profile(), "a reader")
told = {row["col_name"]: row["comment"] for row in spark.sql("DESCRIBE goeswith.items").collect()}
names = [row["tableName"] for row in spark.sql("SHOW TABLES IN goeswith").collect()]
count = {name: spark.sql(f"SELECT * FROM {name}").count() for name in ("goeswith.items", "goeswith_newest.items", "goeswith_newest.events")}
prices = sorted(row["price"] for row in spark.sql("SELECT DISTINCT price FROM goeswith.items").collect())
newest = sorted(row["price"] for row in spark.sql("SELECT DISTINCT price FROM goeswith_newest.items").collect())
print(json.dumps({"told": told, "names": names, "count": count, "prices": prices, "newest": newest}))
"""


def run_python(profile: Profile, script: str, *words: str) -> dict[str, Any]:
    metastore = f"jdbc:derby:;databaseName={profile.root}/metastore;create=true"
    conf = {"spark.sql.catalogImplementation": "hive", "spark.hadoop.javax.jdo.option.ConnectionURL": metastore}
    settings = {**os.environ, **SIZED, "GOESWITH_HOME": str(profile.root), "GOESWITH_SPARK__CONF": json.dumps(conf)}
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT_ROOT, env=settings)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_a_fresh_session_reads_the_released_rows_by_name_with_the_catalogues_words(profile: Profile, tmp_path: Path) -> None:
    write_tiny_lake(profile)
    write_rows(profile, "items", [{**row, "price": 5.0} for row in item_rows(profile)])  # not released: no reader by name sees it
    done = run_python(profile, REGISTER, lake.table_uri(profile, "bundles"))
    assert (done["views"], done["release"]) == (len(releases.released_versions(profile)), releases.read_release(profile).name)
    read = run_python(profile, READ)
    assert {*read["names"]} == {*releases.released_versions(profile)}
    assert read["count"]["goeswith.items"] == read["count"]["goeswith_newest.items"] == len(item_rows(profile))
    assert read["count"]["goeswith_newest.events"] == lake.read_table(profile, "events").num_rows
    assert (read["prices"], read["newest"]) == ([10.0, 11.0], [5.0])
    doc = find_table("items").schema.field("price").metadata[b"doc"].decode()
    assert read["told"]["price"] == doc
