#!/usr/bin/env bash
# Runs what the usual test command leaves out: the statistical tests that take longer than 20 s, and
# the costs that the book promises, measured in release on one test at a time. The names and reasons
# are printed first. Leave the machine idle: two of the measurements are wall-clock times.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rn --include='*.rs' -A1 '#\[ignore = ' tests
cargo build --release --locked --example ground_state
cargo test --release --locked --test suite -- --ignored --nocapture --test-threads 1 "$@"
