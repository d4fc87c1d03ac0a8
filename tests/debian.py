"""What tests need of Debian's packages: installed where it is missing and this may install it."""

import os
import shutil
import subprocess


def require(command: str, package: str) -> str:
    """Return where a command is, its package installed first if need be. Raises ``AssertionError`` that says what to install."""
    if shutil.which(command) is None and os.geteuid() == 0:
        install = f"apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq {package}"
        subprocess.run(["sh", "-c", install], check=False)
    found = shutil.which(command)
    assert found, f"there is no {command}: as root, apt-get install -y {package}"
    return found
