"""Refuse files over 450 lines, functions over 50, and a tree whose medians drift: what we want to live in stays small."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

MAX_FILE, MAX_FUNCTION = 450, 50
MEDIAN_FILE, MEDIAN_FUNCTION = 130, 10


def main() -> int:
    """Print each breach; return 1 where there is one."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"], capture_output=True, text=True, check=True)  # noqa: S607 - git is ours
    files = [path for path in map(Path, listed.stdout.split()) if path.exists()]
    breaches = [breach for path in files for breach in _breaches(path)]
    breaches += _medians([path for path in files if path.parts[0] not in ("tests", "benchmarks")])
    sys.stdout.write("".join(f"{breach}\n" for breach in breaches))
    return 1 if breaches else 0


def _breaches(path: Path) -> list[str]:
    lines = _lines(path)
    found = [f"{path}: {lines} lines (at most {MAX_FILE})"] if lines > MAX_FILE else []
    return found + [f"{path}:{name}: {size} lines (at most {MAX_FUNCTION})" for name, size in _functions(path) if size > MAX_FUNCTION]


def _medians(files: list[Path]) -> list[str]:
    file_lines = statistics.median(map(_lines, files))
    function_lines = statistics.median(size for path in files for _, size in _functions(path))
    found = [f"median file has {file_lines} lines (at most {MEDIAN_FILE})"] if file_lines > MEDIAN_FILE else []
    return found + ([f"median function has {function_lines} lines (at most {MEDIAN_FUNCTION})"] if function_lines > MEDIAN_FUNCTION else [])


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in ast.walk(tree) if isinstance(node, kinds)]


if __name__ == "__main__":
    sys.exit(main())
