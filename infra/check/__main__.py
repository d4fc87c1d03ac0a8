"""``make infra-check``: images and their licences, services, chart, alerts, dashboards, each by the tool that knows it. Needs no container engine."""

import sys
from collections.abc import Callable

from goeswith.errors import GoeswithError
from infra.check.checks import CheckFailed, check_chart, check_compose, check_dashboards, check_dockerfiles, check_licences, check_prometheus

CHECKS: tuple[Callable[[], str], ...] = (check_dockerfiles, check_compose, check_chart, check_prometheus, check_dashboards, check_licences)


def main() -> int:
    """Run every check and say how it went; return how many did not hold."""
    failed = 0
    for check in CHECKS:
        name = check.__name__.removeprefix("check_")
        try:
            sys.stdout.write(f"ok      {name}: {check()}\n")
        except (CheckFailed, GoeswithError) as error:
            failed += 1
            sys.stdout.write(f"failed  {name}: {error}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
