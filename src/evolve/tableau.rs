//! Explicit Runge-Kutta methods.

/// A Butcher tableau: stage i is at $t + c_i\,dt$ and starts from
/// $y_n + dt \sum_{j<i} a_{ij} k_j$; the step is $y_n + dt \sum_i b_i k_i$.
#[derive(Clone, Debug, PartialEq)]
pub struct Tableau {
    /// Rows of the strictly lower triangle, the first empty.
    a: Vec<Vec<f64>>,
    b: Vec<f64>,
    /// Weights of the embedded method minus b, where there is one.
    error: Vec<f64>,
    c: Vec<f64>,
    order: u32,
}

impl Tableau {
    fn new(a: &[&[f64]], b: &[f64], order: u32) -> Self {
        Self {
            c: a.iter().map(|row| row.iter().sum()).collect(),
            a: a.iter().map(|row| row.to_vec()).collect(),
            b: b.to_vec(),
            error: Vec::new(),
            order,
        }
    }

    /// First order, one stage.
    #[must_use]
    pub fn euler() -> Self {
        Self::new(&[&[]], &[1.0], 1)
    }

    /// Heun's second-order method, two stages.
    #[must_use]
    pub fn heun() -> Self {
        Self::new(&[&[], &[1.0]], &[0.5, 0.5], 2)
    }

    /// The classical fourth-order method, four stages.
    #[must_use]
    pub fn rk4() -> Self {
        let sixth = 1.0 / 6.0;
        Self::new(
            &[&[], &[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]],
            &[sixth, 2.0 * sixth, 2.0 * sixth, sixth],
            4,
        )
    }

    /// The fifth-order method of Dormand and Prince with its embedded fourth-order one, seven stages:
    /// for steps whose length follows from the error.
    ///
    /// # References
    /// J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6, 19 (1980), table 2.
    #[must_use]
    pub fn rk45() -> Self {
        let b = [
            35.0 / 384.0,
            0.0,
            500.0 / 1113.0,
            125.0 / 192.0,
            -2187.0 / 6784.0,
            11.0 / 84.0,
            0.0,
        ];
        let fourth = [
            5179.0 / 57600.0,
            0.0,
            7571.0 / 16695.0,
            393.0 / 640.0,
            -92097.0 / 339_200.0,
            187.0 / 2100.0,
            1.0 / 40.0,
        ];
        let mut tableau = Self::new(
            &[
                &[],
                &[0.2],
                &[3.0 / 40.0, 9.0 / 40.0],
                &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
                &[
                    19372.0 / 6561.0,
                    -25360.0 / 2187.0,
                    64448.0 / 6561.0,
                    -212.0 / 729.0,
                ],
                &[
                    9017.0 / 3168.0,
                    -355.0 / 33.0,
                    46732.0 / 5247.0,
                    49.0 / 176.0,
                    -5103.0 / 18656.0,
                ],
                &b[..6],
            ],
            &b,
            5,
        );
        tableau.error = fourth.iter().zip(&b).map(|(f, b)| f - b).collect();
        tableau
    }

    /// Order of the global error.
    #[must_use]
    pub fn order(&self) -> u32 {
        self.order
    }

    /// Number of stages.
    #[must_use]
    pub fn stages(&self) -> usize {
        self.b.len()
    }

    pub(crate) fn a(&self, stage: usize) -> &[f64] {
        &self.a[stage]
    }

    pub(crate) fn b(&self) -> &[f64] {
        &self.b
    }

    /// Embedded weights minus those of the step; empty without.
    pub(crate) fn error(&self) -> &[f64] {
        &self.error
    }

    pub(crate) fn c(&self, stage: usize) -> f64 {
        self.c[stage]
    }
}

#[cfg(test)]
mod tests {
    use super::Tableau;

    #[test]
    fn each_tableau_converges_with_its_order_on_a_pendulum() {
        let rate = |y: [f64; 2]| [y[1], -y[0].sin()];
        let run = |tableau: &Tableau, steps: usize| {
            let dt = 1.0 / steps as f64;
            let mut y = [1.0, 0.3];
            let moved = |y: [f64; 2], by: &[f64], k: &[[f64; 2]]| {
                let mut z = y;
                for (a, k) in by.iter().zip(k) {
                    z[0] += dt * a * k[0];
                    z[1] += dt * a * k[1];
                }
                z
            };
            for _ in 0..steps {
                let mut k = Vec::new();
                for stage in 0..tableau.stages() {
                    k.push(rate(moved(y, tableau.a(stage), &k)));
                }
                y = moved(y, tableau.b(), &k);
            }
            y[0]
        };
        let exact = run(&Tableau::rk45(), 2048);
        for tableau in [
            Tableau::euler(),
            Tableau::heun(),
            Tableau::rk4(),
            Tableau::rk45(),
        ] {
            let error = |steps| (run(&tableau, steps) - exact).abs();
            let slope = (error(8) / error(16)).log2();
            let order = f64::from(tableau.order());
            assert!((slope - order).abs() < 0.2, "order {order}: slope {slope}");
        }
    }
}
