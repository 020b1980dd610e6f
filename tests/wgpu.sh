#!/usr/bin/env bash
# The example custom_network in single precision on a Vulkan driver; where there is none, on Mesa's software
# driver, which apt installs: no graphics processor is needed. Says aloud where neither can be had.
# Building the feature takes minutes of two cores. Further flags go to the example.
set -euo pipefail
cd "$(dirname "$0")/.."

drivers() {
    compgen -G '/usr/share/vulkan/icd.d/*.json' || compgen -G '/etc/vulkan/icd.d/*.json'
}

if ! drivers >/dev/null; then
    if ! (apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends mesa-vulkan-drivers) >&2 || ! drivers >/dev/null; then
        echo "wgpu NOT RUN: no Vulkan driver is here, and apt could not install mesa-vulkan-drivers" >&2
        exit 0
    fi
fi
# Without it a driver complains that it has no desktop.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/tmp}"
echo "Vulkan drivers: $(drivers | tr '\n' ' ')" >&2
both=(--locked -p ketwork -p ketwork-models --features ketwork/wgpu)
cargo test "${both[@]}" --test suite -- graphics
cargo test "${both[@]}" --doc -- Gpu
cargo build "${both[@]}" --example custom_network
found=$("${CARGO_TARGET_DIR:-target}"/debug/examples/custom_network --device wgpu --quick --json "$@")
echo "$found"
# Eighty steps on six sites ended within 3e-3 for each of four seeds.
error=$(sed -E 's/.*"relative_error":([^,}]*).*/\1/' <<<"$found")
awk -v e="$error" 'BEGIN { exit !(e + 0 < 0.01) }' || {
    echo "relative error $error of the energy on wgpu, expected below 0.01" >&2
    exit 1
}
