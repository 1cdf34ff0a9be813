#!/usr/bin/env bash
# Checks docs/openapi.json against the OpenAPI meta-schema, generates a client from it, and has that client list, plan and
# apply against the program beside a simulated NinjaOne. What it needs comes from PyPI, pinned, into the target folder.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=e2e/api-client
work=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")/api-client

if ! cmp -s "$here/requirements.txt" "$work/installed.txt"; then
  rm -rf "$work"
  python3 -m venv "$work"
  "$work/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$work/installed.txt"
fi
"$work/bin/openapi-spec-validator" docs/openapi.json
rm -rf "$work/rmmbridge_client"
PATH="$work/bin:$PATH" "$work/bin/openapi-python-client" generate --path docs/openapi.json --meta none \
  --output-path "$work/rmmbridge_client" --overwrite --fail-on-warning

# All targets, as the tests are built: nothing is compiled twice.
cargo build --quiet --locked --workspace --all-targets
program=${CARGO_TARGET_DIR:-target}/debug/rmmbridge
data=$(mktemp -d)
export RMMBRIDGE_DATA_DIR=$data
ended() {
  # shellcheck disable=SC2046 # two process ids
  kill $(jobs -p) 2>/dev/null || true
  wait || true
  rm -rf "$data"
}
trap ended EXIT

# A line of a file once it is there.
says() {
  local tries
  for tries in $(seq 1 300); do
    if grep -m 1 -o "$2" "$1" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "run.sh: $1 does not say $2 (looked $tries times):" >&2
  cat "$1" >&2
  return 1
}

"$program" --json simulate ninjaone --port 0 --devices 60 >"$data/simulator" 2>&1 &
ninja=$(says "$data/simulator" 'http://127.0.0.1:[0-9]*' | head -n 1)
RMMBRIDGE_CLIENT_SECRET=demo-machine-secret "$program" connect --machine --base-url "$ninja" --client-id demo-machine \
  --allow-private-hosts
"$program" bridge add --preset humanizeit
key=$("$program" api-keys add walk --scope read,plan,apply | head -n 1)
"$program" serve --listen 127.0.0.1:0 >"$data/serve" 2>&1 &
address=$(says "$data/serve" 'ready on http://127.0.0.1:[0-9]*')
PYTHONPATH="$work" "$work/bin/python" "$here/walk.py" "${address#ready on }" "$key"
