//! The book's and the README's code, compiled and run as doc tests; compiled for nothing else.

/// Makes every chapter a doc test of its own.
macro_rules! chapters {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file))] struct $name;)*
    };
}

chapters! {
    Readme = "README.md",
}
