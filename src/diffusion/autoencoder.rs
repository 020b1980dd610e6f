//! A small classical autoencoder: pictures of any size to latent states of few qubits.

use crate::adam::Adam;
use crate::data::shuffle;
use crate::{DiffusionError, Perceptron, States};
use ketwork_models::{RealMap, Stream};
use std::sync::Arc;

/// Pictures of one step of training.
const BATCH: usize = 32;

/// Encoder to $2^{n'}$ non-negative, normalised latents, and decoder back.
///
/// What the encoder gives goes through a softplus and a division by the norm: amplitudes carry neither
/// sign nor norm after a measurement, so the latents hold none. The decoder reads moduli. Both may be
/// any [`RealMap`], with the feature `burn` also modules of Burn (`BurnRealMap`).
#[derive(Clone, Debug)]
pub struct Autoencoder {
    encoder: Arc<dyn RealMap>,
    decoder: Arc<dyn RealMap>,
    /// Parameters of encoder and decoder.
    weights: [Vec<f64>; 2],
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
    /// Trains perceptrons of one hidden layer on pictures, by the mean squared error of their
    /// normalised pixels.
    ///
    /// # Errors
    /// [`DiffusionError`] for no pictures, another length, zero or not finite ones, parameters out
    /// of range, a diverged loss.
    pub fn train(
        pictures: &[Vec<f64>],
        params: &AutoencoderParams,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        params.check()?;
        let n_pixels = pictures.first().map_or(0, Vec::len);
        if n_pixels == 0 {
            return Err(no_pictures(pictures));
        }
        let latent = 1usize << params.n_qubits;
        let encoder = Perceptron::new(vec![n_pixels, params.hidden, latent]);
        let decoder = Perceptron::new(vec![latent, params.hidden, n_pixels]);
        Self::train_with(
            Arc::new(encoder),
            Arc::new(decoder),
            pictures,
            params,
            stream,
        )
    }

    /// Trains the given encoder and decoder; `hidden` of the parameters means nothing then.
    ///
    /// # Errors
    /// Those of [`Self::train`]; [`DiffusionError::Mismatch`] where the maps do not fit pictures,
    /// latents or each other.
    pub fn train_with(
        encoder: Arc<dyn RealMap>,
        decoder: Arc<dyn RealMap>,
        pictures: &[Vec<f64>],
        params: &AutoencoderParams,
        stream: Stream,
    ) -> Result<Self, DiffusionError> {
        params.check()?;
        let n_pixels = pictures.first().map_or(0, Vec::len);
        let pictures = normalised(pictures, n_pixels)?;
        let latent = 1usize << params.n_qubits;
        for (what, found, expected) in [
            ("inputs of the encoder", encoder.n_inputs(), n_pixels),
            ("outputs of the encoder", encoder.n_outputs(), latent),
            ("inputs of the decoder", decoder.n_inputs(), latent),
            ("outputs of the decoder", decoder.n_outputs(), n_pixels),
        ] {
            if found != expected {
                return Err(DiffusionError::Mismatch {
                    what,
                    found,
                    expected,
                });
            }
        }
        let weights = [
            encoder.initial(stream.named("encoder")),
            decoder.initial(stream.named("decoder")),
        ];
        let mut adam = [0, 1].map(|k| Adam::new(weights[k].len()));
        let mut this = Self {
            encoder,
            decoder,
            weights,
            scale: (n_pixels as f64).sqrt(),
        };
        for epoch in 0..params.epochs {
            let mut order: Vec<usize> = (0..pictures.len()).collect();
            shuffle(&mut order, stream.named("order").numbered(epoch as u64));
            let share = epoch as f64 / params.epochs as f64;
            let rate = params.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
            let mut total = 0.0;
            for batch in order.chunks(BATCH) {
                let rows: Vec<&[f64]> = batch.iter().map(|&i| &pictures[i][..]).collect();
                let mut gradient = [0, 1].map(|k| vec![0.0; this.weights[k].len()]);
                total += this.batch_gradient(&rows, &mut gradient);
                for ((adam, w), g) in adam.iter_mut().zip(&mut this.weights).zip(&mut gradient) {
                    g.iter_mut().for_each(|g| *g /= batch.len() as f64);
                    adam.step(w, g, rate);
                }
            }
            if !total.is_finite() {
                return Err(DiffusionError::Diverged { epoch: epoch + 1 });
            }
        }
        Ok(this)
    }

    /// Pixels with a mean square of 1, row by row.
    fn scaled(&self, rows: &[&[f64]]) -> Vec<f64> {
        rows.iter()
            .copied()
            .flatten()
            .map(|x| self.scale * x)
            .collect()
    }

    /// Outputs of the encoder, latents, and the norms that divided them.
    fn latents(&self, x: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let raw = self.encoder.forward(&self.weights[0], x);
        let plus = |z: &f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
        let mut latent: Vec<f64> = raw.iter().map(plus).collect();
        let unit = |row: &mut [f64]| {
            let norm = row.iter().map(|y| y * y).sum::<f64>().sqrt();
            row.iter_mut().for_each(|y| *y /= norm);
            norm
        };
        let norms = latent.chunks_exact_mut(self.encoder.n_outputs()).map(unit);
        let norms = norms.collect();
        (raw, latent, norms)
    }

    /// Summed squared errors of some pictures; adds the derivatives.
    fn batch_gradient(&self, rows: &[&[f64]], gradient: &mut [Vec<f64>; 2]) -> f64 {
        let x = self.scaled(rows);
        let (raw, latent, norms) = self.latents(&x);
        let decoded = self.decoder.forward(&self.weights[1], &latent);
        let n = self.decoder.n_outputs() as f64;
        let loss = decoded
            .iter()
            .zip(&x)
            .map(|(y, x)| (y - x).powi(2) / n)
            .sum();
        let seed: Vec<f64> = decoded
            .iter()
            .zip(&x)
            .map(|(y, x)| 2.0 * (y - x) / n)
            .collect();
        let mut seed = self
            .decoder
            .pullback(&self.weights[1], &latent, &seed, &mut gradient[1]);
        // Through the division by the norm, then the softplus, whose slope is a sigmoid.
        let size = self.encoder.n_outputs();
        let each = seed.chunks_exact_mut(size).zip(latent.chunks_exact(size));
        for ((seed, u), norm) in each.zip(norms) {
            let along: f64 = seed.iter().zip(u).map(|(d, u)| d * u).sum();
            let of = |(d, u): (&mut f64, &f64)| *d = (*d - along * u) / norm;
            seed.iter_mut().zip(u).for_each(of);
        }
        seed.iter_mut()
            .zip(&raw)
            .for_each(|(d, z)| *d /= 1.0 + (-z).exp());
        self.encoder
            .pullback(&self.weights[0], &x, &seed, &mut gradient[0]);
        loss
    }

    /// Latent states of pictures.
    ///
    /// # Errors
    /// [`DiffusionError`] for no pictures, another length, zero or not finite ones.
    pub fn encode(&self, pictures: &[Vec<f64>]) -> Result<States, DiffusionError> {
        let pictures = normalised(pictures, self.encoder.n_inputs())?;
        let rows: Vec<&[f64]> = pictures.iter().map(|r| &r[..]).collect();
        let (_, latent, _) = self.latents(&self.scaled(&rows));
        let rows = latent.chunks_exact(self.encoder.n_outputs());
        States::from_real(&rows.map(<[f64]>::to_vec).collect::<Vec<_>>())
    }

    /// Pictures from the moduli of latent states, negative pixels cut off, of norm 1.
    ///
    /// # Errors
    /// [`DiffusionError::Mismatch`] for another number of qubits.
    pub fn decode(&self, states: &States) -> Result<Vec<Vec<f64>>, DiffusionError> {
        let expected = self.decoder.n_inputs();
        if states.dim() != expected {
            return Err(DiffusionError::Mismatch {
                what: "latents",
                found: states.dim(),
                expected,
            });
        }
        let mut all = self
            .decoder
            .forward(&self.weights[1], &states.moduli().concat());
        let positive = |row: &mut [f64]| {
            row.iter_mut().for_each(|x| *x = x.max(0.0));
            let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter()
                .map(|x| x / norm.max(f64::MIN_POSITIVE))
                .collect()
        };
        let rows = all.chunks_exact_mut(self.decoder.n_outputs());
        Ok(rows.map(positive).collect())
    }
}

impl AutoencoderParams {
    fn check(&self) -> Result<(), DiffusionError> {
        let refuse = |key, value, reason| Err(DiffusionError::Parameter { key, value, reason });
        if !(1..=10).contains(&self.n_qubits) {
            return refuse("latent", f64::from(self.n_qubits), "1 to 10 latent qubits");
        }
        if self.hidden == 0 {
            return refuse("hidden", 0.0, "at least 1");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("learning_rate", self.learning_rate, "a positive number");
        }
        Ok(())
    }
}

fn no_pictures(pictures: &[Vec<f64>]) -> DiffusionError {
    DiffusionError::TooFew {
        what: "pictures",
        found: pictures.len(),
        needed: 1,
    }
}

/// Pictures of norm 1.
fn normalised(pictures: &[Vec<f64>], n_pixels: usize) -> Result<Vec<Vec<f64>>, DiffusionError> {
    if pictures.is_empty() || n_pixels == 0 {
        return Err(no_pictures(pictures));
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
        let zeros = || [0, 1].map(|k| vec![0.0; this.weights[k].len()]);
        let mut exact = zeros();
        this.batch_gradient(&rows, &mut exact);
        let h = 1e-3;
        for (k, exact) in exact.iter().enumerate() {
            for (p, exact) in exact.iter().enumerate() {
                let at = |by: f64| {
                    let mut t = this.clone();
                    t.weights[k][p] += by;
                    t.batch_gradient(&rows, &mut zeros())
                };
                let numeric = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                assert!(
                    (numeric - exact).abs() < 1e-9,
                    "map {k}, weight {p}: {numeric}, {exact}"
                );
            }
        }
    }

    #[test]
    fn maps_that_do_not_fit_are_refused() {
        let pictures = vec![vec![1.0; 6]; 3];
        let params = AutoencoderParams {
            n_qubits: 2,
            ..AutoencoderParams::default()
        };
        let with = |encoder: Vec<usize>, decoder: Vec<usize>| {
            let (e, d) = (Perceptron::new(encoder), Perceptron::new(decoder));
            Autoencoder::train_with(Arc::new(e), Arc::new(d), &pictures, &params, Stream::new(1))
        };
        assert!(with(vec![6, 4], vec![4, 6]).is_ok(), "they fit");
        for (encoder, decoder) in [
            (vec![5, 4], vec![4, 6]),
            (vec![6, 3], vec![4, 6]),
            (vec![6, 4], vec![3, 6]),
            (vec![6, 4], vec![4, 5]),
        ] {
            let e = with(encoder.clone(), decoder.clone()).unwrap_err();
            assert!(
                matches!(e, DiffusionError::Mismatch { .. }),
                "{encoder:?}, {decoder:?}: {e}"
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
