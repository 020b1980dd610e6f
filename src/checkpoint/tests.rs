use super::*;
use ketwork_models::{Init, Stream};

fn state() -> Checkpoint {
    let mut state = Checkpoint::new("a run");
    state
        .set_array("theta", &[0.1, -0.0, f64::MIN_POSITIVE / 4.0, 1.0 / 3.0])
        .set_array("empty", &[])
        .set_array("nan", &[f64::from_bits(0x7ff8_0000_dead_beef)])
        .set_counter("step", u64::MAX)
        .set_word("rng", "philox4x32-10");
    state
}

#[test]
fn a_round_trip_keeps_every_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint.safetensors");
    state().save(&path).unwrap();
    let back = Checkpoint::load(&path, "a run").unwrap();
    for key in ["theta", "empty", "nan"] {
        let bits = |c: &Checkpoint| {
            c.array(key)
                .unwrap()
                .iter()
                .map(|x| x.to_bits())
                .collect::<Vec<_>>()
        };
        assert_eq!(bits(&back), bits(&state()), "{key}");
    }
    assert_eq!(back.counter("step").unwrap(), u64::MAX);
    assert_eq!(back.word("rng").unwrap(), "philox4x32-10");
    assert!(matches!(
        back.array("rng"),
        Err(CheckpointError::Missing { .. })
    ));
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no partial file is left"
    );
}

#[test]
fn parameters_stand_by_name_and_shape_and_come_back_bit_for_bit() {
    let mut layout = Layout::new();
    layout.push("layers.0.weight", &[2, 3], Init::Normal(1.0));
    layout.push("bias", &[3], Init::Normal(1.0));
    let theta = layout.initial(Stream::new(5));
    let mut saved = state();
    saved.set_parameters(&layout, &theta);
    let bytes = saved.to_bytes(Path::new("x")).unwrap();
    // What another program sees.
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let weight = file.tensor("parameters.layers.0.weight").unwrap();
    let raw: Vec<u8> = theta[..6].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!((weight.shape(), weight.data()), (&[2, 3][..], &raw[..]));

    let back = Checkpoint::from_bytes(&bytes, Path::new("x")).unwrap();
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back.parameters(&layout).unwrap()), bits(&theta));
    let mut other = Layout::new();
    other.push("bias", &[3, 1], Init::Constant(0.0));
    let error = back.parameters(&other).unwrap_err().to_string();
    assert!(
        error.contains("\"parameters.bias\" with shape [3]"),
        "{error}"
    );
    other.push("gain", &[3], Init::Constant(0.0));
    let error = state().parameters(&other).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::Missing { key } if key == "parameters.bias"),
        "{error}"
    );
}

#[test]
fn every_truncation_and_every_changed_byte_is_refused() {
    let path = Path::new("x");
    let bytes = state().to_bytes(path).unwrap();
    for n in 0..bytes.len() {
        assert!(
            Checkpoint::from_bytes(&bytes[..n], path).is_err(),
            "cut at {n}"
        );
    }
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for n in header..bytes.len() {
        let mut changed = bytes.clone();
        changed[n] ^= 1;
        let error = Checkpoint::from_bytes(&changed, path).unwrap_err();
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "byte {n}: {error}"
        );
    }
    let error = Checkpoint::from_bytes(&bytes[..bytes.len() - 1], path).unwrap_err();
    assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
}

#[test]
fn files_of_other_programs_runs_and_versions_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    fs::write(&path, b"not a checkpoint").unwrap();
    assert!(matches!(
        Checkpoint::load(&path, ""),
        Err(CheckpointError::Foreign { .. })
    ));
    let view = TensorView::new(Dtype::F64, vec![1], &[0; 8]).unwrap();
    fs::write(
        &path,
        safetensors::serialize([("theta", view)], None).unwrap(),
    )
    .unwrap();
    assert!(matches!(
        Checkpoint::load(&path, ""),
        Err(CheckpointError::Foreign { .. })
    ));
    state().save(&path).unwrap();
    assert!(matches!(
        Checkpoint::load(&path, "b"),
        Err(CheckpointError::OtherRun { .. })
    ));
    let text = fs::read(&path).unwrap();
    let of = br#""format_version":"2""#;
    let at = text.windows(of.len()).position(|w| w == of).unwrap();
    let mut newer = text.clone();
    newer[at + of.len() - 2] = b'9';
    fs::write(&path, newer).unwrap();
    assert!(matches!(
        Checkpoint::load(&path, "a run"),
        Err(CheckpointError::Version { .. })
    ));
    let gone = Checkpoint::load(&dir.path().join("none"), "");
    assert!(matches!(gone, Err(CheckpointError::Io { .. })));
}

#[test]
fn a_failed_save_leaves_the_old_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    // A directory in the way makes the rename fail, whoever runs the test.
    let path = dir.path().join("taken");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("old"), "precious").unwrap();
    assert!(matches!(
        state().save(&path),
        Err(CheckpointError::Io { .. })
    ));
    assert_eq!(fs::read_to_string(path.join("old")).unwrap(), "precious");
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no partial file is left"
    );
}
