//! Layers of the native networks: forward and per-sample backward, nothing else.
//!
//! Everything works on row-major slices of one block on one thread and allocates nothing. Each
//! output number is one fixed chain of multiply-adds (fused where the processor can), whatever the
//! number of rows: the same token gives the same bits in a batch and in a step with cached keys.

/// Defines a function whose body is compiled once for each instruction set, chosen at run time.
///
/// A type and not a closure, because the compiler may leave the body of a closure outside the
/// function that has the instruction set's features.
macro_rules! dispatched {
    ($(#[$doc:meta])* fn $name:ident<$S:ident>($simd:ident; $($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name<'a>($($arg: $kind),*) {
            struct Kernel<'a> {
                $($arg: $kind),*
            }
            impl<'a> pulp::WithSimd for Kernel<'a> {
                type Output = ();
                #[inline(always)]
                fn with_simd<$S: pulp::Simd>(self, $simd: $S) {
                    let Self { $($arg),* } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Kernel { $($arg),* });
        }
    };
}
pub(crate) use dispatched;

pub(crate) mod attention;
pub(crate) mod elementwise;
pub(crate) mod embed;
pub(crate) mod gru;
pub(crate) mod highway;
pub(crate) mod linear;
pub(crate) mod lstm;
pub(crate) mod norm;
pub(crate) mod product;

/// CPU time of this thread in milliseconds, as the Linux scheduler counts it.
#[cfg(test)]
pub(crate) fn cpu_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-6
}
