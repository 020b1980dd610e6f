"""QuSpin's side: `quspin_side.py heisenberg N`. The spin-1/2 ring at Sz = 0, ground state by SciPy's Lanczos."""
import os
import sys

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from quspin.basis import spin_basis_1d
from quspin.operators import hamiltonian
from scipy.sparse.linalg import eigsh

from serve import serve

N = int(sys.argv[2])
BONDS = [(i, (i + 1) % N) for i in range(N)]
FLIPS = [[0.5, i, j] for i, j in BONDS]
TERMS = [["+-", FLIPS], ["-+", FLIPS], ["zz", [[1.0, i, j] for i, j in BONDS]]]


def matrix():
    basis = spin_basis_1d(N, pauli=False, Nup=N // 2)
    checks = dict(check_symm=False, check_herm=False, check_pcon=False)
    return hamiltonian(TERMS, [], basis=basis, dtype=np.float64, **checks).static.tocsr()


def everything():
    h = matrix()
    start = np.random.default_rng(0).standard_normal(h.shape[0])
    return float(eigsh(h, k=1, which="SA", tol=1e-10, v0=start)[0][0])


serve({"build": lambda: float(matrix().shape[0]), "all": everything})
