"""``make sbom``: of each image a bill of materials (CycloneDX) and a licence report; ends with 1 where a licence is not accepted."""

import argparse
import sys
from pathlib import Path

from goeswith.errors import GoeswithError
from infra.sbom.write import write_all


def main() -> int:
    """Write both for every image and say what is not accepted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("sbom"), help="folder to write to (sbom)")
    try:
        refused = write_all(parser.parse_args().out)
    except GoeswithError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    for line in refused:
        sys.stderr.write(f"{line}\n")
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main())
