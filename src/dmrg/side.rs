use crate::Element;
use crate::mpo::{Entry, Grouped, Line, Mpo};

/// The operator seen from one end of the chain.
#[derive(Debug)]
pub(crate) struct Side<T> {
    pub(crate) lines: Vec<Line>,
    pub(crate) sites: Vec<Grouped<T>>,
    pub(crate) pairs: Vec<Grouped<T>>,
    /// The first site of each pair.
    pub(crate) mixes: Vec<Grouped<T>>,
}

impl<T: Element> Side<T> {
    pub(crate) fn new(mpo: &Mpo<T>) -> Self {
        let (n, d) = (mpo.n_sites(), mpo.local_dim());
        let lines: Vec<_> = (0..=n).map(|b| mpo.line(b).clone()).collect();
        let mix = |p: usize| {
            let beside = |e: &Entry<T>| {
                let e = *e;
                (0..d).map(move |y| Entry {
                    row: e.row * d + y,
                    col: e.col * d + y,
                    ..e
                })
            };
            let entries: Vec<_> = mpo.site(p).iter().flat_map(beside).collect();
            Grouped::new(&entries, d * d, &lines[p + 1])
        };
        Self {
            sites: (0..n)
                .map(|p| Grouped::new(mpo.site(p), d, &lines[p + 1]))
                .collect(),
            pairs: (0..n - 1)
                .map(|p| Grouped::new(&mpo.pair(p), d * d, &lines[p + 2]))
                .collect(),
            mixes: (0..n - 1).map(mix).collect(),
            lines,
        }
    }
}
