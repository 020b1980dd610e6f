"""Answers each line of standard input with the CPU seconds of that job, as a JSON line."""
import json
import sys
import time


def serve(jobs):
    """jobs: name -> function without arguments that returns a number when its work is done."""
    for line in sys.stdin:
        name = line.strip()
        wall, cpu = time.perf_counter(), time.process_time()
        value = jobs[name]()
        answer = {"job": name, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "value": value}
        print(json.dumps(answer), flush=True)
