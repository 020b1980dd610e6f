use super::*;

#[test]
fn an_energy_curve_becomes_a_png() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("energy.png");
    let exact = -12.784_906_44;
    let points: Vec<_> = (0..120)
        .map(|i| {
            let decay =
                9.0 * (-f64::from(i) / 7.0).exp() + 2e-4 * (1.5 + (f64::from(i) * 2.3).sin());
            (f64::from(i), exact + decay, 0.3 * decay)
        })
        .collect();
    Figure::of_energy("Critical Ising ring, N = 10, h = 1", &points, Some(exact))
        .write(&path)
        .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    assert!(
        bytes.len() > 20_000,
        "{} bytes: text and curves are missing",
        bytes.len()
    );
    if let Some(keep) = std::env::var_os("KETWORK_KEEP_PLOT") {
        std::fs::copy(&path, keep).unwrap();
    }
}

#[test]
fn unusual_data_neither_panic_nor_hang() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.png");
    let one = Panel::new("x", "y").points("", [(1.0, 2.0, 0.0)]);
    let mixed = Panel::new("x", "y")
        .scales(Scale::Log, Scale::Log)
        .line(
            "a",
            [(0.0, 1.0), (1.0, f64::NAN), (10.0, 1e-8), (100.0, 3.0)],
        )
        .points("b", [(5.0, 1e-3, 1.0)])
        .level("c", -1.0);
    Figure::new("")
        .panel(one)
        .panel(mixed)
        .write(&path)
        .unwrap();
    let empty = Figure::new("").panel(Panel::new("x", "y").line("a", [(f64::NAN, 1.0)]));
    assert!(matches!(
        empty.write(&path),
        Err(PlotError::Empty { panel: 0 })
    ));
    let energy = Figure::of_energy("", &[(0.0, -1.0, 0.1)], Some(-1.0));
    energy.write(&path).unwrap();
    let nowhere = energy.write(&dir.path().join("no/x.png"));
    assert!(matches!(nowhere, Err(PlotError::Write { .. })));
}

#[test]
fn a_series_takes_the_colour_of_the_last_one_where_asked() {
    let colours = |panel: &Panel| panel.series.iter().map(|s| s.colour).collect::<Vec<_>>();
    let panel = Panel::new("x", "y")
        // There is no last one.
        .same_colour()
        .line("", [(0.0, 0.0)])
        .same_colour()
        .points("a", [(0.0, 0.0, 0.1)])
        .line("b", [(0.0, 0.0)])
        .same_colour()
        .line("", [(0.0, 0.0)])
        .same_colour()
        .line("", [(0.0, 0.0)])
        .level("c", 1.0);
    assert_eq!(colours(&panel), [0, 0, 1, 1, 1, 2]);
    // And the page shows it: of two flat curves one below the other, in one colour or in two.
    let dir = tempfile::tempdir().unwrap();
    let drawn = |name: &str, same: bool| {
        let upper = Panel::new("x", "y").line("", [(0.0, 0.0), (1.0, 0.0)]);
        let upper = if same { upper.same_colour() } else { upper };
        let path = dir.path().join(name);
        let panel = upper.line("", [(0.0, 1.0), (1.0, 1.0)]);
        Figure::new("").panel(panel).write(&path).unwrap();
        std::fs::read(&path).unwrap()
    };
    assert_eq!(drawn("a.png", true), drawn("b.png", true));
    assert_ne!(drawn("a.png", true), drawn("c.png", false));
}
