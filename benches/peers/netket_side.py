"""NetKet's side: `netket_side.py transformer|lstm|lstm_full N`.

The periodic Ising chain at h = J = 1, 1024 independent samples, double precision, chunk sizes that were the fastest
on one core. The transformer is the one of ketwork: pre-norm, 2 layers, width 32, 4 heads, MLP ratio 4, GELU, learned
positions, positive; sampling keeps keys and values.
"""
import os
import sys
from functools import partial

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import flax.linen as nn
import jax
import jax.numpy as jnp
import netket as nk
import netket.experimental as nkx
import optax

from serve import serve

CASE, N = sys.argv[1], int(sys.argv[2])
# NetKet's residual is twice ketwork's: the same step has half the rate.
RATE = 0.01
SAMPLES, SHIFT, LAYERS, WIDTH, HEADS = 1024, 1e-3, 2, 32, 4
dense = partial(nn.Dense, param_dtype=float, dtype=float)
norm = partial(nn.LayerNorm, param_dtype=float, dtype=float)


class Layer(nn.Module):
    """One pre-norm layer, for a whole row of tokens or for one token with its cache."""

    def setup(self):
        self.norm1, self.norm2 = norm(), norm()
        self.qkv, self.out = dense(3 * WIDTH), dense(WIDTH)
        self.up, self.down = dense(4 * WIDTH), dense(WIDTH)

    def heads(self, x):
        return [z.reshape(z.shape[:-1] + (HEADS, -1)) for z in jnp.split(self.qkv(self.norm1(x)), 3, -1)]

    def finish(self, x, mixed):
        x = x + self.out(mixed.reshape(x.shape))
        return x + self.down(nn.gelu(self.up(self.norm2(x))))

    def weights(self, scores, visible):
        scores = scores / (WIDTH // HEADS) ** 0.5
        return jax.nn.softmax(jnp.where(visible, scores, -jnp.inf), -1)

    def __call__(self, x):
        q, k, v = self.heads(x)
        visible = jnp.tril(jnp.ones((x.shape[1],) * 2, bool))
        a = self.weights(jnp.einsum("bqhc,bkhc->bhqk", q, k), visible)
        return self.finish(x, jnp.einsum("bhqk,bkhc->bqhc", a, v))

    def one(self, x, keys, values, position):
        q, k, v = self.heads(x)
        keys, values = keys.at[:, position].set(k), values.at[:, position].set(v)
        visible = jnp.arange(keys.shape[1]) <= position
        a = self.weights(jnp.einsum("bhc,bkhc->bhk", q, keys), visible)
        return self.finish(x, jnp.einsum("bhk,bkhc->bhc", a, values)), keys, values


class Transformer(nk.models.AbstractARNN):
    machine_pow: int = 2

    def setup(self):
        self.token = nn.Embed(3, WIDTH, param_dtype=float, dtype=float)
        self.place = self.param("place", nn.initializers.normal(0.02), (N, WIDTH), float)
        self.stack = [Layer() for _ in range(LAYERS)]
        self.norm, self.head = norm(), dense(2)

    def normalised(self, x):
        raw = self.head(self.norm(x))
        return raw - 0.5 * jax.scipy.special.logsumexp(2 * raw, axis=-1, keepdims=True)

    def conditionals_log_psi(self, inputs):
        values = ((inputs + 1) / 2).astype(int)
        before = jnp.concatenate([jnp.full_like(values[:, :1], 2), values[:, :-1]], 1)
        x = self.token(before) + self.place
        for layer in self.stack:
            x = layer(x)
        return self.normalised(x)

    def cached(self, name, batch):
        if self.has_variable("cache", name):
            return self.get_variable("cache", name)
        return jnp.zeros((batch, N, HEADS, WIDTH // HEADS), float)

    def conditional(self, inputs, index):
        inputs = jnp.atleast_2d(inputs)
        before = jnp.where(index == 0, 2, ((inputs[:, index - 1] + 1) / 2).astype(int))
        x = self.token(before) + self.place[index]
        for i, layer in enumerate(self.stack):
            keys, values = (self.cached(f"{kind}{i}", inputs.shape[0]) for kind in ("keys", "values"))
            x, keys, values = layer.one(x, keys, values, index)
            self.put_variable("cache", f"keys{i}", keys)
            self.put_variable("cache", f"values{i}", values)
        return jnp.exp(2 * self.normalised(x))


hilbert = nk.hilbert.Spin(0.5, N)
hamiltonian = nk.operator.IsingJax(hilbert, nk.graph.Chain(N, pbc=True), h=1.0, J=-1.0)
if CASE == "transformer":
    model, forward_chunk, backward_chunk = Transformer(hilbert), 1024, 128
else:
    # NetKet's last layer has as many features as a site has values: two layers of 16 are three layers, the last its head.
    layers = 3 if CASE == "lstm_full" else 2
    model = nkx.models.FastLSTMNet(hilbert, layers=layers, features=16, param_dtype=float)
    forward_chunk, backward_chunk = None, None


def state(seed):
    sampler = nk.sampler.ARDirectSampler(hilbert)
    return nk.vqs.MCState(sampler, model, n_samples=SAMPLES, seed=seed, chunk_size=forward_chunk)


psi, trained = state(1), state(2)
samples = psi.samples.reshape(-1, N)
rows = jax.jit(
    lambda theta: nk.jax.jacobian(
        psi._apply_fun, theta, samples, psi.model_state, mode="real", dense=True, center=True, chunk_size=backward_chunk
    )
)
options = {"chunk_size_bwd": backward_chunk} if backward_chunk else {}
driver = nk.driver.VMC_SR(
    hamiltonian, optax.sgd(RATE), variational_state=trained, diag_shift=SHIFT, mode="real", use_ntk=True, on_the_fly=False, **options
)


def sampling():
    psi.reset()
    return float(jax.block_until_ready(psi.samples).shape[0])


def local_energy():
    return float(jnp.real(psi.local_estimators(hamiltonian)).mean())


def jacobian():
    return float(jax.block_until_ready(rows(psi.parameters)).ravel()[0])


def step():
    driver.run(1, out=(), show_progress=False)
    jax.block_until_ready(trained.parameters)
    return float(jnp.real(driver._loss_stats.mean))


def parameters():
    return float(psi.n_parameters)


serve({"parameters": parameters, "sampling": sampling, "local_energy": local_energy, "jacobian": jacobian, "step": step})
