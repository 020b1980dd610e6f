//! A small classical autoencoder: pictures of any size to latent states of few qubits.

use crate::adam::Adam;
use crate::block::{LANES, Lane};
use crate::data::shuffle;
use crate::mlp::Mlp;
use crate::{DiffusionError, States};
use ketwork_models::Stream;

/// Encoder to $2^{n'}$ non-negative, normalised latents, and decoder back.
///
/// The encoder ends in a softplus and a division by the norm: amplitudes carry neither sign nor
/// norm after a measurement, so the latents hold none. The decoder reads moduli.
#[derive(Clone, Debug)]
pub struct Autoencoder {
    encoder: Mlp,
    decoder: Mlp,
    weights: Vec<f64>,
    n_pixels: usize,
    latent: usize,
    /// Factor that gives pixels of normalised pictures a mean square of 1.
    scale: f64,
}

/// How an autoencoder is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoencoderParams {
    /// Latent qubits n'.
    pub n_qubits: u32,
    /// Width of the hidden layer on either side.
    pub hidden: usize,
    /// Passes over the pictures.
    pub epochs: usize,
    /// Largest rate of Adam; it falls to 0 as a cosine.
    pub learning_rate: f64,
}

impl Default for AutoencoderParams {
    fn default() -> Self {
        Self {
            n_qubits: 3,
            hidden: 64,
            epochs: 200,
            learning_rate: 3e-3,
        }
    }
}

impl Autoencoder {
    /// Trains on pictures by the mean squared error of their normalised pixels.
    ///
    /// # Errors
    /// [`DiffusionError`] for no pictures, another length, zero or not finite ones, parameters out
    /// of range, a diverged loss.
    pub fn train(
        pictures: &[Vec<f64>],
        params: &AutoencoderParams,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        let refuse = |key, value, reason| DiffusionError::Parameter { key, value, reason };
        if !(1..=10).contains(&params.n_qubits) {
            let value = f64::from(params.n_qubits);
            return Err(refuse("latent", value, "1 to 10 latent qubits"));
        }
        if params.hidden == 0 {
            return Err(refuse("hidden", 0.0, "at least 1"));
        }
        if !(params.learning_rate > 0.0 && params.learning_rate.is_finite()) {
            return Err(refuse(
                "learning_rate",
                params.learning_rate,
                "a positive number",
            ));
        }
        let n_pixels = pictures.first().map_or(0, Vec::len);
        let pictures = normalised(pictures, n_pixels)?;
        let latent = 1usize << params.n_qubits;
        let encoder = Mlp::new(vec![n_pixels, params.hidden, latent]);
        let decoder = Mlp::new(vec![latent, params.hidden, n_pixels]);
        let mut weights = encoder.initial(1.0, stream.named("encoder"));
        weights.extend(decoder.initial(1.0, stream.named("decoder")));
        let mut this = Self {
            encoder,
            decoder,
            weights,
            n_pixels,
            latent,
            scale: (n_pixels as f64).sqrt(),
        };
        let mut adam = Adam::new(this.weights.len());
        for epoch in 0..params.epochs {
            let mut order: Vec<usize> = (0..pictures.len()).collect();
            shuffle(&mut order, stream.named("order").numbered(epoch as u64));
            let share = epoch as f64 / params.epochs as f64;
            let rate = params.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
            let mut total = 0.0;
            for batch in order.chunks(4 * LANES) {
                let mut gradient = vec![0.0; this.weights.len()];
                for rows in batch.chunks(LANES) {
                    let block: Vec<&[f64]> = rows.iter().map(|&i| &pictures[i][..]).collect();
                    total += this.block_gradient(&block, &mut gradient);
                }
                gradient.iter_mut().for_each(|g| *g /= batch.len() as f64);
                adam.step(&mut this.weights, &gradient, rate);
            }
            if !total.is_finite() {
                return Err(DiffusionError::Diverged { epoch: epoch + 1 });
            }
        }
        Ok(this)
    }

    /// Latent values before and after their normalisation.
    fn latents(&self, x: Vec<Lane>) -> (Vec<Vec<Lane>>, Vec<Lane>, Lane) {
        let all = self
            .encoder
            .forward(&self.weights[..self.encoder.n_params()], x);
        let plus = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
        let positive: Vec<Lane> = all[all.len() - 1]
            .iter()
            .map(|z| Lane(z.0.map(plus)))
            .collect();
        let norm2 = positive
            .iter()
            .fold(Lane::ZERO, |s, y| s.zip(*y, |s, y| s + y * y));
        let norm = Lane(norm2.0.map(f64::sqrt));
        let unit = positive.iter().map(|y| y.zip(norm, |y, n| y / n)).collect();
        (all, unit, norm)
    }

    /// Summed squared errors of up to eight pictures; adds the derivatives.
    fn block_gradient(&self, rows: &[&[f64]], gradient: &mut [f64]) -> f64 {
        let x = self.lanes(rows);
        let (encoded, latent, norm) = self.latents(x.clone());
        let (we, wd) = self.weights.split_at(self.encoder.n_params());
        let decoded = self.decoder.forward(wd, latent.clone());
        let mut loss = 0.0;
        let mut dout = vec![Lane::ZERO; self.n_pixels];
        for ((d, y), x) in dout.iter_mut().zip(&decoded[decoded.len() - 1]).zip(&x) {
            for l in 0..rows.len() {
                let e = (y.0[l] - x.0[l]) / self.n_pixels as f64;
                loss += (y.0[l] - x.0[l]) * e;
                d.0[l] = 2.0 * e;
            }
        }
        let (ge, gd) = gradient.split_at_mut(self.encoder.n_params());
        let dlatent = self.decoder.backward(wd, &decoded, dout, gd);
        // Through the division by the norm, then the softplus, whose slope is a sigmoid.
        let along = (dlatent.iter().zip(&latent)).fold(Lane::ZERO, |s, (d, u)| {
            Lane(std::array::from_fn(|l| s.0[l] + d.0[l] * u.0[l]))
        });
        let raw = &encoded[encoded.len() - 1];
        let dz = (0..self.latent).map(|i| {
            Lane(std::array::from_fn(|l| {
                let dy = (dlatent[i].0[l] - along.0[l] * latent[i].0[l]) / norm.0[l];
                dy / (1.0 + (-raw[i].0[l]).exp())
            }))
        });
        self.encoder.backward(we, &encoded, dz.collect(), ge);
        loss
    }

    fn lanes(&self, rows: &[&[f64]]) -> Vec<Lane> {
        let at = |i: usize, l: usize| rows.get(l).map_or(0.0, |r| self.scale * r[i]);
        (0..self.n_pixels)
            .map(|i| Lane(std::array::from_fn(|l| at(i, l))))
            .collect()
    }

    /// Latent states of pictures.
    ///
    /// # Errors
    /// [`DiffusionError`] for no pictures, another length, zero or not finite ones.
    pub fn encode(&self, pictures: &[Vec<f64>]) -> Result<States, DiffusionError> {
        let pictures = normalised(pictures, self.n_pixels)?;
        let mut out = Vec::with_capacity(pictures.len());
        for rows in pictures.chunks(LANES) {
            let block: Vec<&[f64]> = rows.iter().map(|r| &r[..]).collect();
            let (_, latent, _) = self.latents(self.lanes(&block));
            out.extend((0..rows.len()).map(|l| latent.iter().map(|y| y.0[l]).collect::<Vec<_>>()));
        }
        States::from_real(&out)
    }

    /// Pictures from the moduli of latent states, negative pixels cut off, of norm 1.
    ///
    /// # Errors
    /// [`DiffusionError::Mismatch`] for another number of qubits.
    pub fn decode(&self, states: &States) -> Result<Vec<Vec<f64>>, DiffusionError> {
        if states.dim() != self.latent {
            return Err(DiffusionError::Mismatch {
                what: "latents",
                found: states.dim(),
                expected: self.latent,
            });
        }
        let wd = &self.weights[self.encoder.n_params()..];
        let decode = |moduli: Vec<f64>| {
            let all = self
                .decoder
                .forward(wd, moduli.into_iter().map(Lane::splat).collect());
            let x: Vec<f64> = all[all.len() - 1].iter().map(|y| y.0[0].max(0.0)).collect();
            let norm = x
                .iter()
                .map(|x| x * x)
                .sum::<f64>()
                .sqrt()
                .max(f64::MIN_POSITIVE);
            x.iter().map(|x| x / norm).collect()
        };
        Ok(states.moduli().into_iter().map(decode).collect())
    }
}

/// Pictures of norm 1.
fn normalised(pictures: &[Vec<f64>], n_pixels: usize) -> Result<Vec<Vec<f64>>, DiffusionError> {
    if pictures.is_empty() || n_pixels == 0 {
        return Err(DiffusionError::TooFew {
            what: "pictures",
            found: pictures.len(),
            needed: 1,
        });
    }
    let unit = |(row, x): (usize, &Vec<f64>)| {
        if x.len() != n_pixels {
            return Err(DiffusionError::Ragged {
                row,
                length: x.len(),
                expected: n_pixels,
            });
        }
        if x.iter().any(|x| !x.is_finite()) {
            return Err(DiffusionError::NotFinite { row });
        }
        let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm <= 0.0 {
            return Err(DiffusionError::ZeroVector { row });
        }
        Ok(x.iter().map(|x| x / norm).collect())
    };
    pictures.iter().enumerate().map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Data;

    #[test]
    fn derivatives_equal_central_differences() {
        let u = |i: usize, k: usize| Stream::new(1).uniform(i as u64, k as u32);
        let pictures: Vec<Vec<f64>> = (0..3).map(|i| (0..6).map(|k| u(i, k)).collect()).collect();
        let params = AutoencoderParams {
            n_qubits: 2,
            hidden: 5,
            epochs: 0,
            ..AutoencoderParams::default()
        };
        let this = Autoencoder::train(&pictures, &params, Stream::new(2)).unwrap();
        let unit = normalised(&pictures, 6).unwrap();
        let rows: Vec<&[f64]> = unit.iter().map(|r| &r[..]).collect();
        let mut exact = vec![0.0; this.weights.len()];
        this.block_gradient(&rows, &mut exact);
        let h = 1e-3;
        for p in 0..exact.len() {
            let at = |by: f64| {
                let mut t = this.clone();
                t.weights[p] += by;
                t.block_gradient(&rows, &mut vec![0.0; exact.len()])
            };
            let numeric = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            assert!(
                (numeric - exact[p]).abs() < 1e-9,
                "weight {p}: {numeric}, {}",
                exact[p]
            );
        }
    }

    #[test]
    fn eight_latents_hold_two_kinds_of_digits() {
        let data = Data::digits(&[0, 1], 6).unwrap();
        let pictures = data.states.moduli();
        let params = AutoencoderParams {
            epochs: 40,
            ..AutoencoderParams::default()
        };
        let this = Autoencoder::train(&pictures, &params, Stream::new(3)).unwrap();
        let latent = this.encode(&pictures).unwrap();
        assert!(
            latent.rows().flatten().all(|z| z.re >= 0.0),
            "a negative latent"
        );
        let back = this.decode(&latent).unwrap();
        let overlap = |(a, b): (&Vec<f64>, &Vec<f64>)| -> f64 {
            a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>().powi(2)
        };
        let mean = pictures.iter().zip(&back).map(overlap).sum::<f64>() / back.len() as f64;
        // The best constant picture overlaps by the largest eigenvalue of the second moment, 0.63.
        assert!(mean > 0.85, "{mean}");
    }
}
