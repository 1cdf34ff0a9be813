#!/usr/bin/env bash
# Stands in for rustdoc while `cargo test --doc` runs (RUSTDOC=scripts/rustdoc.sh): before a library's examples are run, its
# pages are written, with every warning an error. `cargo doc` would check all the crates we depend on once more for that;
# here they are built already.
set -euo pipefail

pages=()
tests=
skip=
for argument in "$@"; do
  if [ -n "$skip" ]; then
    skip=
    continue
  fi
  case "$argument" in
    --test) tests=yes ;;
    --test-run-directory) skip=yes ;;
    *) pages+=("$argument") ;;
  esac
done

if [ -n "$tests" ]; then
  rustdoc "${pages[@]}" -D warnings --out-dir "${CARGO_TARGET_DIR:-$PWD/target}/doc"
fi
exec rustdoc "$@"
