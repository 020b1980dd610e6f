"""TeNPy's side: `tenpy_side.py dmrg N` (open critical Ising chain, chi = 16, 8 sweeps) or `tenpy_side.py dmrg_j1j2 L`

(L x L J1-J2 model, open, j2 = 0.2, along the snake, total Sz = 0, chi = 32, 6 sweeps, the first 3 with a mixer).
"""
import os
import sys
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
warnings.simplefilter("ignore")

from tenpy.algorithms import dmrg
from tenpy.models.model import CouplingMPOModel
from tenpy.models.tf_ising import TFIChain
from tenpy.networks.mps import MPS
from tenpy.networks.site import SpinHalfSite

from serve import serve

CASE, N = sys.argv[1], int(sys.argv[2])


class J1J2(CouplingMPOModel):
    default_lattice = "Square"

    def init_sites(self, params):
        return SpinHalfSite(conserve="Sz", sort_charge=True)

    def init_terms(self, params):
        for key, j in (("nearest_neighbors", 1.0), ("next_nearest_neighbors", 0.2)):
            for a, b, way in self.lat.pairs[key]:
                self.add_coupling(j / 2, a, "Sp", b, "Sm", way, plus_hc=True)
                self.add_coupling(j, a, "Sz", b, "Sz", way)


def sweeps():
    if CASE == "dmrg":
        model = TFIChain(dict(L=N, J=1.0, g=1.0, bc_MPS="finite", conserve=None))
        start, chi, count, mixer = ["up"] * N, 16, 8, None
    else:
        model = J1J2(dict(Lx=N, Ly=N, bc_x="open", bc_y="open", bc_MPS="finite", order="snake"))
        start = [["up", "down"][(int(x) + int(y)) % 2] for x, y, _ in model.lat.order]
        chi, count, mixer = 32, 6, True
    psi = MPS.from_product_state(model.lat.mps_sites(), start, bc="finite")
    params = dict(
        trunc_params=dict(chi_max=chi, svd_min=1e-10),
        mixer=mixer,
        mixer_params=dict(amplitude=1e-4, decay=2.0, disable_after=count // 2),
        max_sweeps=count,
        min_sweeps=count,
        max_E_err=0,
        max_trunc_err=10.0,
        combine=True,
    )
    energy, _ = dmrg.TwoSiteDMRGEngine(psi, model, params).run()
    return float(energy)


serve({"sweeps": sweeps})
