#!/usr/bin/env bash
# Runs what the usual test command leaves out: the statistical tests that take longer than 20 s, and
# the costs that the book promises, measured in release on one test at a time, then Monte Carlo against
# all exact averages with errors below 3e-4 for each site. The names and reasons
# are printed first. Leave the machine idle: two of the measurements are wall-clock times.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rn --include='*.rs' -A1 '#\[ignore = ' tests src/sse
cargo build --release --locked --example ground_state
cargo test --release --locked --test suite -- --ignored --nocapture --test-threads 1 "$@"
cargo test --release --locked -p ketwork-sse --lib -- --ignored --nocapture --test-threads 1
