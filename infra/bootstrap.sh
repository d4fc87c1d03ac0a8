#!/usr/bin/env bash
# Everything that a fresh Debian machine with Python 3.11 lacks: uv, Java 17, the two locked environments, Delta's JARs.
# Run again it does only what is missing. Ends with the one command that helps where it may not install something itself.
set -euo pipefail
cd "$(dirname "$0")/.."
tools="${XDG_CACHE_HOME:-$HOME/.cache}/goeswith/tools"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n  -> %s\n' "$1" "$2" >&2; exit 3; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

install_package() { # install_package COMMAND DEBIAN_PACKAGE
  command -v "$1" >/dev/null && return
  say "installing $2"
  as_root sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $2 >/dev/null" ||
    fail "$1 is missing" "as root: apt-get install -y $2"
}

install_uv() {
  command -v uv >/dev/null && return
  say "installing uv"
  python3 -m venv "$tools" 2>/dev/null || { install_package pyvenv python3-venv; python3 -m venv "$tools"; }
  "$tools/bin/pip" install -q uv
  where="$HOME/.local/bin"; [ "$(id -u)" = 0 ] && where=/usr/local/bin
  mkdir -p "$where" && ln -sf "$tools/bin/uv" "$where/uv"
  case ":$PATH:" in *":$where:"*) ;; *) say "uv is in $where: add it to your PATH" ;; esac
  export PATH="$where:$PATH"
}

install_package java openjdk-17-jre-headless
install_uv
say "locked environment (3 GB to download the first time)"
uv sync --frozen --quiet
