"""What registering asks of the session before it touches anything."""

from typing import Any, ClassVar

import pytest

from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs import register_tables


class NoMetastore:
    """A session as it is without settings of its own."""

    conf: ClassVar[Any] = {"spark.sql.catalogImplementation": "in-memory"}


def test_a_session_that_forgets_names_is_refused_with_the_setting_that_it_lacks() -> None:
    with pytest.raises(ConfigError, match=r"no metastore") as raised:
        register_tables._require_metastore(NoMetastore(), "goeswith")  # type: ignore[arg-type]
    assert "spark.sql.catalogImplementation" in raised.value.remedy
    register_tables._require_metastore(NoMetastore(), "main.goeswith")  # type: ignore[arg-type]  # a catalog of its own


def test_a_database_that_is_no_name_is_refused_before_spark_starts(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="database"):
        register_tables.run(JobRun(profile=profile, run_id="r", params={"database": "a; DROP TABLE b"}))
