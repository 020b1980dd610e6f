//! The edges of the design: `hamiltonians <- models <- root`, and what each of them must not know.

mod source;

use source::{Source, sources, workspace};
use std::fs;
use std::process::Command;
use toml::{Table, Value};

/// Lines above which a file must be split, tests included.
const LONGEST_FILE: usize = 600;

/// Paths that some files must not name.
struct Rule {
    /// Where it holds.
    under: fn(&Source) -> bool,
    /// First segments of the forbidden paths.
    forbidden: &'static [&'static str],
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        under: |s| s.path.starts_with("hamiltonians/src/"),
        forbidden: &["ketwork", "ketwork_models"],
        reason: "what is simulated does not know how a state is written",
    },
    Rule {
        under: |s| s.path.starts_with("hamiltonians/src/"),
        forbidden: &[
            "rand",
            "rand_chacha",
            "rayon",
            "std::fs",
            "std::thread",
            "std::io",
        ],
        reason: "hamiltonians know neither randomness nor threads nor files",
    },
    Rule {
        under: |s| s.path.starts_with("models/src/"),
        forbidden: &["ketwork"],
        reason: "how a state is written does not know what is done with it",
    },
    Rule {
        under: |s| s.path.starts_with("models/src/"),
        forbidden: &[
            "ketwork_hamiltonians::*",
            "ketwork_hamiltonians::AnyModel",
            "ketwork_hamiltonians::Driven",
            "ketwork_hamiltonians::Hamiltonian",
            "ketwork_hamiltonians::LocalSum",
            "ketwork_hamiltonians::Model",
            "ketwork_hamiltonians::Operator",
            "ketwork_hamiltonians::Term",
        ],
        reason: "models know spaces and constraints, no Hamiltonian",
    },
    Rule {
        under: |s| s.path.starts_with("models/src/layers/") || is_network(s),
        forbidden: &["rayon", "std::thread"],
        reason: "threads belong to the wrapper `Autoregressive`, never to a network",
    },
    Rule {
        under: |s| s.path.starts_with("src/") || s.path.starts_with("models/src/"),
        forbidden: &["burn"],
        reason: "Burn stands behind its feature, in models/src/burn only",
    },
    Rule {
        under: |s| {
            s.path.starts_with("src/")
                && !s.path.starts_with("src/linalg/")
                && s.path != "src/dmrg/dense.rs"
        },
        forbidden: &["faer", "ndarray_linalg"],
        reason: "dense linear algebra stands in src/linalg and, on strided blocks, in src/dmrg/dense.rs: crates \
                 of their own, where it is compiled once",
    },
    Rule {
        under: |s| s.path.starts_with("src/stats/"),
        forbidden: &[
            "ketwork",
            "ketwork_hamiltonians::Hamiltonian",
            "ketwork_hamiltonians::Operator",
        ],
        reason: "error bars know samples, no physics",
    },
    Rule {
        under: |s| s.path.starts_with("src/linalg/"),
        forbidden: &["ketwork", "ketwork_models", "ketwork_hamiltonians"],
        reason: "linear algebra knows slices, no physics",
    },
];

/// Manifests and the packages they must not name.
const MANIFESTS: &[(&str, &[&str])] = &[
    (
        "hamiltonians/Cargo.toml",
        &["ketwork", "ketwork-models", "rand", "rand_chacha", "rayon"],
    ),
    ("models/Cargo.toml", &["ketwork"]),
    ("src/stats/Cargo.toml", &["ketwork"]),
    (
        "src/linalg/Cargo.toml",
        &["ketwork", "ketwork-models", "ketwork-hamiltonians"],
    ),
];

/// Files of a network: those that implement `Conditional` with all of their module.
fn is_network(source: &Source) -> bool {
    let modules = ["transformer", "rnn", "gru", "lstm", "table", "mps", "antn"];
    let module = source
        .path
        .strip_prefix("models/src/")
        .and_then(|p| p.split(['/', '.']).next());
    module.is_some_and(|m| modules.contains(&m)) || source.code.contains("Conditional for ")
}

/// Whether `path` is `prefix` or below it, whole segments only.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every broken rule in one file, in words.
fn violations(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let paths = source.paths();
    for rule in RULES.iter().filter(|rule| (rule.under)(source)) {
        if rule.forbidden == ["burn"] && source.path.starts_with("models/src/burn") {
            continue;
        }
        for path in &paths {
            if rule
                .forbidden
                .iter()
                .any(|forbidden| is_below(path, forbidden))
            {
                found.push(format!("{} names {path}: {}", source.path, rule.reason));
            }
        }
    }
    if source.names("unsafe") {
        found.push(format!("{} has unsafe code", source.path));
    }
    if source.n_lines > LONGEST_FILE {
        let n = source.n_lines;
        found.push(format!(
            "{} has {n} lines, more than {LONGEST_FILE}: split it",
            source.path
        ));
    }
    found
}

fn manifest(path: &str) -> Table {
    let text = fs::read_to_string(workspace().join(path)).expect("the manifest is readable");
    text.parse().expect("the manifest is TOML")
}

/// (section, package, specification) of all dependencies of a manifest.
fn dependencies(manifest: &Table) -> Vec<(&'static str, String, Value)> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|section| Some((section, manifest.get(section)?.as_table()?)))
        .flat_map(|(section, table)| {
            table
                .iter()
                .map(move |(name, value)| (section, name.clone(), value.clone()))
        })
        .collect()
}

fn forbidden_dependencies(path: &str, manifest: &Table, forbidden: &[&str]) -> Vec<String> {
    dependencies(manifest)
        .into_iter()
        .filter(|(_, name, _)| forbidden.contains(&name.as_str()))
        .map(|(section, name, _)| format!("{path}: {name} in [{section}]"))
        .collect()
}

#[test]
fn no_source_names_what_its_crate_must_not_know() {
    let all = sources();
    assert!(
        all.len() > 50,
        "only {} sources found: is the walk broken?",
        all.len()
    );
    let found: Vec<_> = all.iter().flat_map(violations).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_manifest_has_a_forbidden_edge() {
    for (path, forbidden) in MANIFESTS {
        let found = forbidden_dependencies(path, &manifest(path), forbidden);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn burn_is_optional_and_off_by_default() {
    for path in ["Cargo.toml", "models/Cargo.toml", "hamiltonians/Cargo.toml"] {
        let manifest = manifest(path);
        for (section, name, value) in dependencies(&manifest) {
            let optional = value
                .get("optional")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            assert!(
                optional || !name.starts_with("burn"),
                "{path}: {name} in [{section}]"
            );
        }
        let default = manifest.get("features").and_then(|f| f.get("default"));
        let default = default
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        assert!(
            default.is_empty(),
            "{path}: default features are {default:?}"
        );
    }
}

#[test]
fn the_default_build_pulls_in_nothing_of_burn() {
    const GRAPHICS: [&str; 2] = ["wgpu", "naga"];
    const ALL: [&str; 5] = ["burn", "cubecl", "cubek", "wgpu", "naga"];
    let tree = |more: &[&str], of: &[&str]| {
        let mut tree = Command::new(env!("CARGO"));
        tree.args(["tree", "--workspace", "--locked", "--prefix", "none"]);
        let out = tree.args(more).current_dir(workspace()).output();
        let out = out.expect("cargo runs");
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        let names = String::from_utf8(out.stdout).expect("names are text");
        let is_of = |line: &&str| of.iter().any(|name| line.starts_with(name));
        names.lines().filter(is_of).count()
    };
    assert_eq!(tree(&[], &ALL), 0, "packages of Burn in the default build");
    let burn = ["--features", "burn"];
    assert!(tree(&burn, &ALL) > 0, "the check finds Burn where it is");
    assert_eq!(tree(&burn, &GRAPHICS), 0, "a device that was not asked for");
    let wgpu = ["--features", "wgpu"];
    assert!(tree(&wgpu, &GRAPHICS) > 0, "the check finds the device");
}

#[test]
fn every_member_takes_lints_and_versions_from_the_workspace() {
    let root = manifest("Cargo.toml");
    let level = root["workspace"]["lints"]["rust"]["unsafe_code"].as_str();
    assert_eq!(level, Some("forbid"), "the workspace forbids unsafe code");
    let members = root["workspace"]["members"].as_array();
    let mut paths = vec!["Cargo.toml".to_owned()];
    for member in members.expect("the workspace has members") {
        let member = member.as_str().expect("a member is a path");
        paths.push(format!("{member}/Cargo.toml"));
    }
    for path in paths {
        let manifest = manifest(&path);
        let lints = manifest.get("lints").and_then(|l| l.get("workspace"));
        assert_eq!(lints.and_then(Value::as_bool), Some(true), "{path}: lints");
        for (section, name, value) in dependencies(&manifest) {
            let shared = value
                .get("workspace")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            let is_root = name == "ketwork" && value.get("path").is_some();
            assert!(
                shared || is_root,
                "{path}: {name} in [{section}] has a version of its own"
            );
        }
    }
}

#[test]
fn every_chapter_of_the_book_is_compiled() {
    let read = |path: &str| fs::read_to_string(workspace().join(path)).expect("readable");
    let (summary, compiled) = (read("book/src/SUMMARY.md"), read("src/book.rs"));
    let chapters: Vec<_> = summary
        .split(['(', ')'])
        .filter(|link| link.ends_with(".md"))
        .collect();
    assert!(chapters.len() > 5, "only {chapters:?} are listed");
    for chapter in chapters {
        let text = read(&format!("book/src/{chapter}"));
        let has_code = text.contains("```rust");
        assert!(
            !has_code || compiled.contains(&format!("book/src/{chapter}")),
            "{chapter} has Rust code that src/book.rs does not include"
        );
    }
}

#[test]
fn the_checker_finds_every_planted_violation() {
    let planted = [
        ("hamiltonians/src/lattice/mod.rs", "use rayon::prelude::*;"),
        ("hamiltonians/src/space.rs", "use std::{fmt, fs::File};"),
        (
            "hamiltonians/src/space.rs",
            "fn f() { std::thread::yield_now(); }",
        ),
        ("hamiltonians/src/zoo/a.rs", "use ketwork_models::Stream;"),
        ("models/src/rbm.rs", "use ketwork::local;"),
        (
            "models/src/rbm.rs",
            "use ketwork_hamiltonians::{\n    Configs,\n    Operator as O,\n};",
        ),
        ("models/src/rbm.rs", "use ketwork_hamiltonians::*;"),
        (
            "models/src/rbm.rs",
            "fn f(h: &ketwork_hamiltonians::LocalSum<f64>) {}",
        ),
        ("models/src/layers/norm.rs", "use rayon::prelude::*;"),
        ("models/src/transformer/resume.rs", "use rayon::join;"),
        (
            "models/src/mine.rs",
            "use rayon::join;\nimpl Conditional for Mine {}",
        ),
        ("src/local.rs", "use burn::tensor::Tensor;"),
        ("src/local.rs", "fn f() { unsafe { g() } }"),
    ];
    for (path, text) in planted {
        let found = violations(&Source::new(path, text));
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
    }
    let long = violations(&Source::new("src/long.rs", &"\n".repeat(LONGEST_FILE + 1)));
    assert_eq!(long.len(), 1, "{long:?}");
    let manifest = "[dependencies]\nrayon.workspace = true"
        .parse()
        .expect("TOML");
    let found = forbidden_dependencies("hamiltonians/Cargo.toml", &manifest, MANIFESTS[0].1);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn the_checker_leaves_comments_strings_and_allowed_names_alone() {
    let innocent = [
        (
            "hamiltonians/src/space.rs",
            "// use rayon::prelude::*;\n/* unsafe /* std::fs */ */",
        ),
        (
            "hamiltonians/src/space.rs",
            "const S: &str = \"use rayon::x; unsafe\";",
        ),
        (
            "hamiltonians/src/space.rs",
            "const S: &str = r#\"a \" unsafe { std::fs::x }\"#;",
        ),
        (
            "hamiltonians/src/space.rs",
            "fn f<'a>(c: &'a char) -> bool { *c == '\"' || *c == 'u' }",
        ),
        (
            "hamiltonians/src/space.rs",
            "use std::{fmt, ops::Range};\nuse random::x;",
        ),
        (
            "models/src/rbm.rs",
            "use ketwork_hamiltonians::{Configs, OperatorError, Sector};",
        ),
        ("models/src/tangent.rs", "use rayon::prelude::*;"),
        (
            "src/local.rs",
            "use ketwork_hamiltonians::{Hamiltonian, Operator};\nuse rayon::join;",
        ),
    ];
    for (path, text) in innocent {
        let found = violations(&Source::new(path, text));
        assert!(found.is_empty(), "{path}: {text}: {found:?}");
    }
}
