use super::*;

const SMALL: PeriodicMlp = PeriodicMlp {
    copies: 4,
    layers: 2,
};

fn theta() -> Vec<f64> {
    SMALL.initial(Stream::new(3).named("network"))
}

#[test]
fn the_published_network_has_8361_parameters() {
    assert_eq!(PeriodicMlp::default().n_params(), 8361);
}

#[test]
fn derivatives_in_space_are_those_of_differences() {
    let (theta, h) = (theta(), 1e-4);
    for x in [[0.3, 5.1], [2.2, 3.9], [6.2, 0.1]] {
        let jet = SMALL.jets(&theta, &[x])[0];
        let at = |dx: f64, dy: f64| SMALL.values(&theta, &[[x[0] + dx, x[1] + dy]])[0];
        assert!((jet.value - at(0.0, 0.0)).abs() < 1e-15);
        // Central differences are off by h^2 = 1e-8 times third and fourth derivatives of order 10.
        let (dx, dy) = (
            (at(h, 0.0) - at(-h, 0.0)) / (2.0 * h),
            (at(0.0, h) - at(0.0, -h)) / (2.0 * h),
        );
        assert!((jet.dx - dx).abs() < 1e-6, "{} against {dx}", jet.dx);
        assert!((jet.dy - dy).abs() < 1e-6, "{} against {dy}", jet.dy);
        let around = at(h, 0.0) + at(-h, 0.0) + at(0.0, h) + at(0.0, -h) - 4.0 * at(0.0, 0.0);
        assert!((jet.laplacian - around / (h * h)).abs() < 1e-5, "{jet:?}");
    }
}

#[test]
fn derivatives_by_parameters_are_those_of_differences() {
    let (theta, points, h) = (theta(), [[0.3, 5.1], [2.2, 3.9]], 1e-5);
    let columns: Vec<usize> = (0..SMALL.n_params()).collect();
    let j = SMALL.jacobian(&theta, &points, &columns);
    for k in columns {
        let moved = |by: f64| {
            let mut theta = theta.clone();
            theta[k] += by;
            SMALL.values(&theta, &points)
        };
        let (up, down) = (moved(h), moved(-h));
        for p in 0..2 {
            let slope = (up[p] - down[p]) / (2.0 * h);
            let found = j[p * SMALL.n_params() + k];
            assert!(
                (found - slope).abs() < 1e-9,
                "parameter {k}: {found} against {slope}"
            );
        }
    }
    // A part of the columns is that part.
    let some = SMALL.jacobian(&theta, &points, &[5, 40, 120]);
    assert_eq!(some[4].to_bits(), j[SMALL.n_params() + 40].to_bits());
}

#[test]
fn the_field_is_periodic() {
    let theta = theta();
    let tau = std::f64::consts::TAU;
    let values = SMALL.values(&theta, &[[0.4, 1.0], [0.4 + tau, 1.0 - tau]]);
    assert!((values[0] - values[1]).abs() < 1e-13);
}

#[test]
fn the_spectral_solver_has_the_tabulated_fields() {
    // Maximum and root mean square at t = 0.5 on the grid of the table.
    let cases = [
        (Pde::Heat { nu: 0.1 }, 48, 0.390998, 0.168347),
        (Pde::AllenCahn { nu: 0.005 }, 64, 0.657937, 0.281620),
        (Pde::Burgers { nu: 0.01 }, 64, 0.463306, 0.184749),
    ];
    for (pde, n, _, rms) in cases {
        let mut field = Spectral::new(pde, n, published_start).unwrap();
        field.advance(0.5, 0.01).unwrap();
        let values = field.values(&torus_grid(48, 0.0));
        let found = mean_square(&values).sqrt();
        assert!((found - rms).abs() < 1e-6, "{pde:?}: {found} against {rms}");
    }
}

#[test]
fn halving_the_step_of_the_spectral_solver_divides_its_error_by_sixteen() {
    let end = |dt: f64| {
        let pde = Pde::AllenCahn { nu: 0.05 };
        let mut field = Spectral::new(pde, 24, |x| 0.8 * x[0].sin() * x[1].cos()).unwrap();
        field.advance(1.0, dt).unwrap();
        field.values(&torus_grid(24, 0.3))
    };
    let exact = end(0.005);
    let (coarse, fine) = (
        relative_l2(&end(0.2), &exact),
        relative_l2(&end(0.1), &exact),
    );
    assert!(
        (12.0..20.0).contains(&(coarse / fine)),
        "{coarse} and {fine}"
    );
}

const SMOOTH: PeriodicMlp = PeriodicMlp {
    copies: 6,
    layers: 2,
};
const SIDE: usize = 20;

/// A network at a smooth field.
fn smooth(pde: Pde, tableau: &Tableau) -> (PdeTeng, Vec<f64>) {
    let points = torus_grid(SIDE, 0.0);
    let mut teng =
        PdeTeng::new(SMOOTH, pde, tableau.clone(), points.clone(), Stream::new(5)).unwrap();
    let mut theta = SMOOTH.initial(Stream::new(3).named("network"));
    let field: Vec<f64> = points
        .iter()
        .map(|x| 0.5 * x[0].sin() * (x[1] + 0.2).cos())
        .collect();
    teng.params.sweeps = 80;
    teng.project(0.0, &mut theta, &field).unwrap();
    (teng, theta)
}

/// The error of a network against the exact flow of its own start: what the first fit missed is in
/// neither.
fn error_after(tableau: &Tableau, steps: u32) -> f64 {
    let pde = Pde::AllenCahn { nu: 0.05 };
    let (mut teng, mut theta) = smooth(pde, tableau);
    teng.params.sweeps = 30;
    let start = theta.clone();
    let mut exact = Spectral::new(pde, 32, |x| SMOOTH.values(&start, &[x])[0]).unwrap();
    exact.advance(1.0, 0.01).unwrap();
    let dt = 1.0 / f64::from(steps);
    for k in 0..steps {
        teng.step(f64::from(k) * dt, &mut theta, dt).unwrap();
    }
    let points = torus_grid(SIDE, 0.0);
    relative_l2(&SMOOTH.values(&theta, &points), &exact.values(&points))
}

#[test]
fn teng_has_the_order_of_its_tableau() {
    for (tableau, orders) in [(Tableau::euler(), 0.85..1.15), (Tableau::heun(), 1.7..2.3)] {
        let (coarse, fine) = (error_after(&tableau, 4), error_after(&tableau, 8));
        let order = (coarse / fine).log2();
        assert!(
            orders.contains(&order),
            "2^{order}: {coarse:.2e}, then {fine:.2e}"
        );
    }
}

#[test]
fn five_sweeps_divide_what_one_step_leaves_by_a_hundred() {
    let (mut teng, mut theta) = smooth(Pde::Heat { nu: 0.1 }, &Tableau::euler());
    teng.params.sweeps = 5;
    let found = teng.step(0.0, &mut theta, 0.01).unwrap();
    // Root mean squares.
    let ratio = (found.losses[0] / found.loss()).sqrt();
    assert!(ratio > 100.0, "{:?}", found.losses);
}

#[test]
fn impossible_steps_are_refused() {
    let make = |points| {
        PdeTeng::new(
            SMALL,
            Pde::Heat { nu: 0.1 },
            Tableau::euler(),
            points,
            Stream::new(5),
        )
    };
    assert_eq!(
        make(Vec::new()).unwrap_err(),
        PdeError::Empty { what: "the grid" }
    );
    let mut teng = make(torus_grid(4, 0.0)).unwrap();
    let mut theta = theta();
    for dt in [0.0, -0.1, f64::NAN] {
        assert!(
            matches!(teng.step(0.0, &mut theta, dt), Err(PdeError::Step { .. })),
            "{dt}"
        );
    }
    let infinite = Pde::Heat { nu: f64::INFINITY };
    let mut teng = PdeTeng {
        pde: infinite,
        ..teng
    };
    let before = theta.clone();
    assert!(matches!(
        teng.step(0.2, &mut theta, 0.1),
        Err(PdeError::NotFinite { .. })
    ));
    assert_eq!(before, theta);
    let mut field = Spectral::new(Pde::Heat { nu: 0.1 }, 8, published_start).unwrap();
    assert!(field.advance(-1.0, 0.1).is_err() && field.advance(1.0, 0.0).is_err());
}
