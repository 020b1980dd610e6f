"""PennyLane's side: `pennylane_side.py circuit N`. Adjoint gradients of the energy of the Ising ring by lightning.qubit.

8 layers of R_X, R_Z and R_ZZ on every qubit from all up; 64 circuits a job, since ketwork takes 64 states at a time.
"""
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import numpy
import pennylane as qml
from pennylane import numpy as np

from serve import serve

N, LAYERS, BATCH = int(sys.argv[2]), 8, 64
THETA = np.array(numpy.cos(1.0 + numpy.arange(LAYERS * 3 * N)).reshape(LAYERS, 3, N), requires_grad=True)
RING = [(i, (i + 1) % N) for i in range(N)]
ENERGY = qml.Hamiltonian(
    [-1.0] * (2 * N), [qml.PauliZ(i) @ qml.PauliZ(j) for i, j in RING] + [qml.PauliX(i) for i in range(N)]
)


@qml.qnode(qml.device("lightning.qubit", wires=N), diff_method="adjoint")
def energy(theta):
    for layer in theta:
        for i in range(N):
            qml.RX(layer[0, i], wires=i)
        for i in range(N):
            qml.RZ(layer[1, i], wires=i)
        for i, j in RING:
            qml.IsingZZ(layer[2, i], wires=[i, j])
    return qml.expval(ENERGY)


def gradients():
    for _ in range(BATCH):
        found = qml.grad(energy)(THETA)
    return float(numpy.linalg.norm(found))


serve({"gradient": gradients})
