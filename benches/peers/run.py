"""Runs the same jobs in other packages and in ketwork, alternately on one core, and prints CPU seconds and their ratio.

Both sides are processes that do one job for each line they are sent. A pair is one job of the peer and the same job of
ketwork right after it; the ratio is the median over the pairs. The first pair warms up and is not counted, so that the
compilation of JAX is left out; `cold` is the exception: wall time from process start to the end of the first step.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# case: (script of the peer, sites, jobs, job of the cold start)
CASES = {
    "transformer": ("netket_side.py", 32, ["sampling", "local_energy", "jacobian", "step"], "step"),
    "lstm": ("netket_side.py", 32, ["sampling", "local_energy", "jacobian", "step"], "step"),
    "lstm_full": ("netket_side.py", 32, ["sampling", "local_energy", "jacobian", "step"], "step"),
    "heisenberg": ("quspin_side.py", 20, ["build", "all"], None),
    "circuit": ("pennylane_side.py", 10, ["gradient"], None),
    "lindblad": ("qutip_side.py", 7, ["evolve"], None),
    "dmrg": ("tenpy_side.py", 32, ["sweeps"], None),
    "dmrg_j1j2": ("tenpy_side.py", 8, ["sweeps"], None),
    "sse_chain": ("qmc_side", 64, ["sweeps"], None),
    "sse_square": ("qmc_side", 16, ["sweeps"], None),
}
# Cases of networks, with whether both have the same number of parameters.
NETWORKS = {"transformer": True, "lstm": False, "lstm_full": False}
# Cases with a statistical error, which both sides tell with the autocorrelation time in sweeps; the energies must agree
# within 5 of their errors.
SAMPLED = {"sse_chain", "sse_square"}
# Largest relative difference of the answers, where both sides compute the same number. DMRG of a square at a small bond
# dimension ends in different energies, which are printed.
AGREE = {"heisenberg": 1e-7, "circuit": 1e-9, "lindblad": 1e-5, "dmrg": 1e-7}


class Side:
    """A process on one core that does the jobs it is sent."""

    def __init__(self, command, core):
        environment = dict(os.environ, RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")
        pin = lambda: os.sched_setaffinity(0, {core})
        pipe = subprocess.PIPE
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self.errors, text=True, cwd=HERE, env=environment, preexec_fn=pin
        )

    def do(self, job):
        try:
            self.process.stdin.write(job + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                if line.startswith("{"):
                    return json.loads(line)
        except BrokenPipeError:
            pass  # It has ended; what it said follows.
        code = self.process.wait()
        self.errors.seek(0)
        said = "".join(self.errors.readlines()[-20:])
        raise SystemExit(f"{self.process.args} ended with code {code} at {job!r}:\n{said}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cold(command, core, job):
    start = time.perf_counter()
    side = Side(command, core)
    side.do(job)
    seconds = time.perf_counter() - start
    side.close()
    return seconds


def row(case, sites, job, unit, peer, ours):
    ratio = statistics.median(p / o for p, o in zip(peer, ours))
    peer, ours = statistics.median(peer), statistics.median(ours)
    print(f"| {case} N = {sites} | {job} | {peer:.4g} | {ours:.4g} | {ratio:.2f} | {unit} |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("cases", nargs="*", help=f"any of {', '.join(CASES)}; all without")
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--core", type=int, default=0)
    options.add_argument("--sites", type=int, help="another size than the default")
    options.add_argument("--cold", action="store_true", help="also compare cold starts (minutes for JAX)")
    options.add_argument("--only-cold", action="store_true", help="compare nothing but cold starts")
    options = options.parse_args()
    for case in options.cases:
        if case not in CASES:
            raise SystemExit(f"{case!r} is no case; use {', '.join(CASES)}")
    build = ["cargo", "build", "--release", "--package", "ketwork-benches", "--bin", "peer"]
    subprocess.run(build, cwd=ROOT, check=True)
    if any(case in SAMPLED for case in options.cases or CASES):
        # Not in the workspace's target directory: it is another workspace.
        crate = ["--manifest-path", str(HERE / "qmc_side" / "Cargo.toml"), "--target-dir", str(HERE / "qmc_side" / "target")]
        subprocess.run(["cargo", "build", "--release", "--locked", *crate], check=True)
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    binary = target / "release" / "peer"
    print("| case | job | peer | ketwork | peer / ketwork | |\n| --- | --- | --- | --- | --- | --- |")
    for case in options.cases or CASES:
        script, sites, jobs, first = CASES[case]
        jobs = [] if options.only_cold else jobs
        sites = options.sites or sites
        peer = [sys.executable, str(HERE / script), case, str(sites)]
        if case in SAMPLED:
            peer = [str(HERE / script / "target" / "release" / "qmc-side"), case, str(sites)]
        ours = [str(binary), case, str(sites)]
        sides = [Side(command, options.core) for command in (peer, ours) if jobs]
        if jobs and case in NETWORKS:
            counts = [round(side.do("parameters")["value"]) for side in sides]
            assert not NETWORKS[case] or counts[0] == counts[1], f"different networks: {counts} parameters"
            print(f"parameters: {counts[0]} (peer), {counts[1]} (ketwork)", file=sys.stderr)
        for job in jobs:
            pairs = [[side.do(job) for side in sides] for _ in range(options.pairs + 1)]
            values = [answer["value"] for answer in pairs[0]]
            if AGREE.get(case):
                assert abs(values[0] - values[1]) < AGREE[case] * abs(values[0]), f"different answers: {values}"
            if case == "dmrg_j1j2":
                print(f"energies: {values[0]:.6f} (peer), {values[1]:.6f} (ketwork)")
            cpu = [[answer["cpu"] for answer in pair] for pair in pairs[1:]]
            row(case, sites, job, "CPU s", *zip(*cpu))
        if jobs and case in SAMPLED:
            words = ("energy", "error", "tau")
            told = [{word: side.do(word)["value"] for word in words} for side in sides]
            for name, side in zip(("peer", "ketwork"), told):
                print(name, ", ".join(f"{word} {side[word]:.6g}" for word in words), file=sys.stderr)
            difference = abs(told[0]["energy"] - told[1]["energy"])
            assert difference < 5 * sum(side["error"] ** 2 for side in told) ** 0.5, f"different energies: {told}"
        for side in sides:
            side.close()
        if (options.cold or options.only_cold) and first:
            walls = [[cold(command, options.core, first) for command in (peer, ours)] for _ in range(3)]
            row(case, sites, "cold start to the first energy", "wall s", *zip(*walls))


main()
