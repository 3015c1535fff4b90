#!/usr/bin/env bash
# Sets up what the targets of the Makefile need, and says each step in a line:
#   scripts/setup.sh python   .venv with the locked packages and this project
#   scripts/setup.sh kafka    a Java, and Kafka's jars and an archive of their classes in a cache that all checkouts share
#   scripts/setup.sh peers    what benchmarks compare with: .venv-peers, Kafka Streams' programs built by Maven, Benthos by Go
# What is missing in the system is installed only as root on Debian or Ubuntu; else the message names the ways out.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; }

install() {
  say "apt-get install $*"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } > /dev/null 2>&1 \
    || fail "apt-get could not install $*; run 'apt-get update && apt-get install $*' to see why."
}

usable_python() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2> /dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" > /dev/null && usable_python "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

make_venv() {
  if [ -x .venv/bin/python ] && usable_python .venv/bin/python && .venv/bin/python -m pip --version > /dev/null 2>&1; then
    return
  fi
  local python
  python=$(find_python) || fail "Python 3.11 to 3.14 is needed, found: $(python3 --version 2>&1 || true). \
Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3 ..."
  if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    if can_install; then
      install python3-venv
    else
      fail "$python cannot make virtual environments. Install them (Debian, Ubuntu: apt-get install python3-venv)."
    fi
  fi
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  "$python" -m venv .venv || fail "$python could not make .venv; on Debian or Ubuntu: apt-get install python3-venv."
}

setup_python() {
  make_venv
  local pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
  say "installing the packages of requirements.lock"
  "${pip[@]}" install --require-hashes -r requirements.lock
  "${pip[@]}" install --require-hashes --no-deps -r requirements-demo.lock
  say "installing this project, editable"
  "${pip[@]}" install --no-deps --no-build-isolation --editable .
}

# Java and Maven are looked for by tajo.kafka itself; here only what is missing is installed, where that is allowed.
setup_kafka() {
  if can_install; then
    local missing=()
    .venv/bin/python -c 'from tajo.kafka import find_java; find_java()' 2> /dev/null || missing+=(openjdk-17-jre-headless)
    [ -n "${TAJO_KAFKA_LIBS:-}" ] || command -v mvn > /dev/null || .venv/bin/python -c \
      'import sys; from tajo.kafka.jars import cache_folder, is_complete; sys.exit(not is_complete(cache_folder()))' \
      || missing+=(maven)
    [ ${#missing[@]} = 0 ] || install "${missing[@]}"
  fi
  local found
  found=$(.venv/bin/python -m tajo.kafka) || exit $?
  say "$found"
}

setup_peers() {
  if can_install; then
    local missing=()
    command -v javac > /dev/null || missing+=(openjdk-17-jdk-headless)
    command -v mvn > /dev/null || missing+=(maven)
    [ ${#missing[@]} = 0 ] || install "${missing[@]}"
  fi
  local ready=.venv-peers/.ready
  if [ ! -e $ready ] || [ requirements-peers.lock -nt $ready ]; then
    say "making .venv-peers with the packages of requirements-peers.lock"
    rm -rf .venv-peers
    .venv/bin/python -m venv .venv-peers
    .venv-peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-peers.lock
    touch $ready
  fi
  local found
  found=$(.venv/bin/python -m benchmarks.kafka_streams) || exit $?
  say "$found"
  if command -v go > /dev/null; then
    found=$(.venv/bin/python -m benchmarks.benthos) || exit $?
    say "$found"
  else
    say "there is no Go, which the benchmark 'gateway' needs (go.dev/dl)"
  fi
}

case "${1:-}" in
  python) setup_python ;;
  kafka) setup_kafka ;;
  peers) setup_peers ;;
  *) fail "usage: scripts/setup.sh python|kafka|peers" ;;
esac
