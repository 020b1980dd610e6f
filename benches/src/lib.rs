//! Criterion benches of ketwork, one file per layer.
