"""QuTiP's side: `qutip_side.py lindblad N`. The dissipative Ising ring, V = 2, g = 1, gamma = 1, from all up to t = 8."""
import os
import sys
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore", message="matplotlib not found")

import numpy as np
import qutip as qt

from serve import serve

N = int(sys.argv[2])
TIMES = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0]


def on(site, operator):
    return qt.tensor([operator if i == site else qt.qeye(2) for i in range(N)])


def evolve():
    x, z = [[on(i, o) for i in range(N)] for o in (qt.sigmax(), qt.sigmaz())]
    down = qt.Qobj([[0, 0], [1, 0]])
    h = sum(0.5 * z[i] * z[(i + 1) % N] for i in range(N)) + sum(0.5 * o for o in x)
    start = qt.ket2dm(qt.tensor([qt.basis(2, 0)] * N))
    options = dict(method="adams", atol=1e-8, rtol=1e-6)
    jumps = [on(i, down) for i in range(N)]
    found = qt.mesolve(h, start, TIMES, jumps, e_ops=[sum(z) / N, sum(x) / N], options=options)
    return float(np.real(found.expect[0][-1]))


serve({"evolve": evolve})
