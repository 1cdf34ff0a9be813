#!/usr/bin/env bash
# Runs every check of the project on a Debian machine with Rust, and installs what they need:
# Debian's packages for PostgreSQL and Chromium, cargo-nextest and cargo-deny. PostgreSQL runs as a
# temporary cluster of its own, which is gone afterwards; nothing else is left running.
#
#   scripts/test.sh                 everything
#   scripts/test.sh --help          what the phases are
#
# It stops at the first phase that fails and names it. Exit code 0 only when every phase passed.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

# The requirements that have to stay proven, see `cargo xtask acceptance --help`.
REQUIRED_IDS="H01-H56,P01-P38"

# Installed only where the command is missing; a newer one that is there is fine.
NEXTEST_VERSION="0.9.143"
DENY_VERSION="0.20.2"

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--help]

Runs, in this order, and stops at the first that fails:
  packages     Debian packages that are missing (a C compiler, postgresql, chromium, chromium-driver, npm, python3-venv)
  tools        cargo-nextest and cargo-deny, where missing
  npm          what the browser tests need from npm, pinned: axe
  postgres     a temporary PostgreSQL cluster; its URL is in RMMBRIDGE_TEST_POSTGRES for the tests
  fmt          cargo fmt --check
  deny         cargo deny check bans licenses sources
  build        every target, with clippy's lints while it is compiled; warnings are errors
  tidy         cargo xtask tidy: the rules of the layout
  test         cargo nextest run --workspace --profile ci
  client       a client generated from docs/openapi.json lists, plans and applies; what generates it is from PyPI, pinned
  kill         the kill harness: the program ended at random on both databases, at every crash point, with the registry, with its clock set, and with its database locked
  doc          the libraries' documentation is written, warnings are errors, and its examples are run
  acceptance   cargo xtask acceptance: the requirements a passed test has to prove

Known security advisories are not checked here, because that needs the advisory database from the
network: run `cargo deny check advisories` where the network allows.
TEXT
}

case "${1:-}" in
  "") ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    echo "test.sh: unknown argument '$1'; try --help" >&2
    exit 2
    ;;
esac

fail() {
  echo "test.sh: $*" >&2
  return 1
}

# --- phases ----------------------------------------------------------------------------------

STARTED=$SECONDS
PHASE=""
PHASE_STARTED=0
SUMMARY=()
CLUSTER=""
PG_BIN=""

# Runs a phase in this shell, so that what it exports stays. A failing command ends the script
# through `set -e`; `finish` then says which phase it was.
phase() {
  PHASE=$1
  PHASE_STARTED=$SECONDS
  echo
  echo "==> $PHASE"
  shift
  "$@"
  local took=$((SECONDS - PHASE_STARTED))
  SUMMARY+=("$(printf '%-12s ok      %5d s' "$PHASE" "$took")")
  echo "<== $PHASE: ok, $took s"
  PHASE=""
}

finish() {
  local code=$?
  trap - EXIT
  set +e
  stop_postgres
  if [ -n "$PHASE" ]; then
    [ "$code" -ne 0 ] || code=1
    local took=$((SECONDS - PHASE_STARTED))
    SUMMARY+=("$(printf '%-12s FAILED  %5d s' "$PHASE" "$took")")
    echo "<== $PHASE: FAILED, $took s"
  fi
  echo
  echo "Summary"
  printf '  %s\n' "${SUMMARY[@]}"
  echo "  total $((SECONDS - STARTED)) s"
  if [ "$code" -eq 0 ]; then
    echo "All phases passed. Advisories are not among them: \`cargo deny check advisories\` needs the"
    echo "advisory database from the network; run it where the network allows."
  else
    echo "FAILED${PHASE:+ in phase '$PHASE'} (exit code $code); the phases after it were not run."
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# --- what the machine needs ------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1; }

# The folder with initdb, pg_ctl and postgres: the newest of Debian's, else /usr/local, else PATH.
find_postgres() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) /usr/local/bin \
    /usr/local/pgsql/bin "$(dirname "$(command -v initdb || echo /nowhere/initdb)")"; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ -x "$folder/postgres" ]; then
      PG_BIN=$folder
      return 0
    fi
  done
  return 1
}

install_packages() {
  local missing=()
  has cc || missing+=(build-essential)
  find_postgres || missing+=(postgresql)
  has chromium || missing+=(chromium)
  has chromedriver || missing+=(chromium-driver)
  has npm || missing+=(nodejs npm)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
  if [ "${#missing[@]}" -eq 0 ]; then
    echo "nothing to install"
    return 0
  fi
  echo "missing: ${missing[*]}"
  has apt-get || fail "this machine has no apt-get: install what corresponds to ${missing[*]} by hand"
  local become=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || fail "installing needs root and there is no sudo: as root, run apt-get install ${missing[*]}"
    sudo -n true 2>/dev/null ||
      fail "sudo asks for a password: run 'sudo -v' first, or 'sudo apt-get install ${missing[*]}'"
    become=(sudo -n)
  fi
  "${become[@]}" apt-get update -q ||
    fail "apt-get update failed: is the network there? Needed are ${missing[*]}"
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}"
  find_postgres || fail "PostgreSQL is installed, but its initdb is not under /usr/lib/postgresql/*/bin"
  has chromium || fail "chromium is installed, but the command 'chromium' is not there"
  has chromedriver || fail "chromium-driver is installed, but the command 'chromedriver' is not there"
}

# rust-toolchain.toml pins a version. rustup fetches it where it may; where it may not, an
# installed toolchain of exactly that version under another name (stable) is as good.
find_rust() {
  has cargo || PATH="$HOME/.cargo/bin:$PATH"
  has cargo || fail "there is no cargo: install Rust with rustup, then run this again"
  if cargo --version >/dev/null 2>&1; then return 0; fi
  local wanted name
  wanted=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
  if has rustup; then
    for name in $(rustup toolchain list | cut -d' ' -f1); do
      if [ "$(rustup run "$name" rustc --version 2>/dev/null | cut -d' ' -f2)" = "$wanted" ]; then
        echo "using the toolchain $name, which is Rust $wanted"
        export RUSTUP_TOOLCHAIN=$name
        return 0
      fi
    done
    rustup toolchain install "$wanted" --profile minimal --component rustfmt --component clippy && return 0
  fi
  fail "Rust $wanted is needed (rust-toolchain.toml): rustup toolchain install $wanted"
}

install_tools() {
  find_rust
  cargo --version
  has cargo-nextest || cargo install --locked "cargo-nextest@$NEXTEST_VERSION"
  # A debug build: it runs for seconds, and compiling it for release would take longer than that saves.
  has cargo-deny || cargo install --locked --debug "cargo-deny@$DENY_VERSION"
  # Where cargo installs to need not be on the PATH.
  has cargo-nextest || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  cargo nextest --version | head -n 1
  cargo deny --version
}

install_from_npm() {
  npm ci --prefix e2e --ignore-scripts --no-audit --no-fund
}

# --- PostgreSQL ------------------------------------------------------------------------------

# PostgreSQL refuses to run as root; then Debian's own user for it does.
as_postgres() {
  if [ "$(id -u)" -ne 0 ]; then
    (cd "$CLUSTER" && "$@")
  elif has runuser; then
    (cd "$CLUSTER" && runuser -u postgres -- "$@")
  else
    # shellcheck disable=SC2016 # expanded by the inner shell
    (cd "$CLUSTER" && su -s /bin/sh postgres -c 'exec "$0" "$@"' -- "$@")
  fi
}

start_postgres() {
  find_postgres || fail "PostgreSQL's initdb, pg_ctl and postgres were not found"
  # Not TMPDIR: the user postgres must be able to enter it, and a socket's path is short. In memory where there is room:
  # hundreds of tests make a database each, which is a thousand files, and on a disk that alone is half of their time.
  local place=/tmp
  if [ "$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)" -ge 4096 ] 2>/dev/null; then place=/dev/shm; fi
  CLUSTER=$(mktemp -d "$place/rmmbridge-postgres.XXXXXX")
  local password port tries
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n' "$password" >"$CLUSTER/password")
  if [ "$(id -u)" -eq 0 ]; then
    id -u postgres >/dev/null 2>&1 ||
      fail "PostgreSQL does not run as root and there is no user 'postgres': install Debian's postgresql, or run this as another user"
    chown -R postgres "$CLUSTER"
  fi
  # The password goes over the loopback as it is: SCRAM's 4,096 rounds of SHA-256 cost an unoptimized test a fifth of a
  # second for every connection it opens.
  as_postgres "$PG_BIN/initdb" --pgdata="$CLUSTER/data" --username=postgres --encoding=UTF8 --locale=C \
    --auth-local=scram-sha-256 --auth-host=password --pwfile="$CLUSTER/password" >"$CLUSTER.log" 2>&1 ||
    { cat "$CLUSTER.log"; fail "initdb failed"; }
  for tries in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000)) # below the ports the system gives to outgoing connections
    if as_postgres "$PG_BIN/pg_ctl" --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log" --wait --timeout=60 \
      --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$CLUSTER' -c fsync=off -c max_connections=200" \
      start >>"$CLUSTER.log" 2>&1; then
      export RMMBRIDGE_TEST_POSTGRES="postgres://postgres:$password@127.0.0.1:$port/postgres"
      echo "$("$PG_BIN/postgres" --version), port $port, in $CLUSTER"
      return 0
    fi
    grep -q 'Address already in use' "$CLUSTER/server.log" || break
    : >"$CLUSTER/server.log"
  done
  cat "$CLUSTER.log" "$CLUSTER/server.log"
  fail "PostgreSQL did not start (try $tries)"
}

stop_postgres() {
  [ -n "$CLUSTER" ] || return 0
  if [ -f "$CLUSTER/data/postmaster.pid" ]; then
    as_postgres "$PG_BIN/pg_ctl" --pgdata="$CLUSTER/data" --mode=immediate --wait --timeout=30 stop >/dev/null 2>&1 ||
      echo "test.sh: PostgreSQL in $CLUSTER did not stop" >&2
  fi
  rm -rf "$CLUSTER" "$CLUSTER.log"
  CLUSTER=""
}

# --- the checks ------------------------------------------------------------------------------

# `cargo doc` would check every crate we depend on once more; the examples need what the tests were built with.
document() {
  RUSTDOC="$PWD/scripts/rustdoc.sh" cargo test --doc --workspace --locked
}

# Waits for a round of the kill harness and shows what it said.
struck() {
  local code=0
  wait "$1" || code=$?
  cat "$2"
  [ "$code" -eq 0 ] || fail "the kill harness ended with $code, see harness/README.md"
}

# Clippy is the compiler with more lints: in its place for our own crates, it needs no second pass over everything. What is
# built so is used by every phase that has these set.
lint_while_building() {
  export RUSTC_WORKSPACE_WRAPPER=clippy-driver RUSTFLAGS="-D warnings"
}

# The build the tests use; each seed is printed; the released one, and more of it, by the commands in harness/README.md.
# Both databases at once: much of a round is pauses.
kill_harness() {
  cargo build --workspace --all-targets --locked
  local kill="${CARGO_TARGET_DIR:-target}/debug/kill" said sqlite postgres registry locked clock failed=0
  said=$(mktemp -d)
  "$kill" --seconds 240 --at-least 200 --every-point >"$said/sqlite" 2>&1 &
  sqlite=$!
  "$kill" --postgres --seconds 180 --at-least 100 >"$said/postgres" 2>&1 &
  postgres=$!
  "$kill" --locked --seconds 50 >"$said/locked" 2>&1 &
  locked=$!
  struck "$postgres" "$said/postgres" || failed=1
  "$kill" --registry --seconds 45 --at-least 10 >"$said/registry" 2>&1 &
  registry=$!
  "$kill" --clock --seconds 30 --at-least 5 >"$said/clock" 2>&1 &
  clock=$!
  struck "$registry" "$said/registry" || failed=1
  struck "$locked" "$said/locked" || failed=1
  struck "$clock" "$said/clock" || failed=1
  struck "$sqlite" "$said/sqlite" || failed=1
  rm -rf "$said"
  [ "$failed" -eq 0 ] || return 1
  # What is for the harness alone stays out of the product.
  if cargo tree -q -p rmmbridge -e normal,build --locked | grep -q '^.* fail v'; then
    fail "the product is built with the harness's crash points: see harness/README.md"
  fi
}

# Each crate is compiled once here, and nobody steps through it: half the disk, and a shorter wait for the linker.
if [ -n "${CI:-}" ]; then export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0; fi

# Whoever left this set would have requirements counted as proven that no browser looked at.
unset RMMBRIDGE_SKIP_BROWSER

phase packages install_packages
phase tools install_tools
phase npm install_from_npm
phase postgres start_postgres
phase fmt cargo fmt --all --check
phase deny cargo deny check --hide-inclusion-graph -A unused-wrapper bans licenses sources
lint_while_building
phase build cargo build --workspace --all-targets --locked
phase tidy cargo xtask tidy
# Two threads more than there are cores: much of a test is waiting, for a process, a database, a pause.
phase test cargo nextest run --workspace --profile ci --test-threads "$(($(nproc) + 2))" --locked
phase client bash e2e/api-client/run.sh
phase kill kill_harness
phase doc document
phase acceptance cargo xtask acceptance --require "$REQUIRED_IDS"
