//! Rust sources as the rules see them: code without comments, and the paths it names.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file of the workspace.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Path inside the workspace, with forward slashes.
    pub(super) path: String,
    /// Its lines as written.
    pub(super) n_lines: usize,
    /// Its code without comments and string literals.
    pub(super) code: String,
}

impl Source {
    /// A file from its text.
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            n_lines: text.lines().count(),
            code: code_of(text),
        }
    }

    /// All paths that the file names: those of `use` declarations with their braces expanded, and
    /// those written in full elsewhere.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (i, piece) in self.code.split(';').enumerate() {
            let is_last = i == self.code.matches(';').count();
            match use_tree(piece) {
                Some(tree) if !is_last => expand("", tree, &mut paths),
                _ => paths.extend(qualified(piece)),
            }
        }
        paths
    }

    /// Whether an identifier stands in the code.
    pub(super) fn names(&self, identifier: &str) -> bool {
        self.code
            .split(|c: char| !is_identifier(c))
            .any(|word| word == identifier)
    }
}

/// The directory of the workspace.
pub(super) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of the workspace, sorted by path.
pub(super) fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    for top in [
        "src",
        "models",
        "hamiltonians",
        "benches",
        "tests",
        "examples",
    ] {
        collect(&workspace().join(top), &mut files);
    }
    files.sort();
    let read = |file: &PathBuf| {
        let inside = file
            .strip_prefix(workspace())
            .expect("collected below the workspace");
        let text = fs::read_to_string(file).expect("sources are readable");
        Source::new(&inside.to_string_lossy().replace('\\', "/"), &text)
    };
    files.iter().map(read).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Blanks comments, string literals and character literals; line breaks stay.
fn code_of(text: &str) -> String {
    let c: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < c.len() {
        let rest = &c[i..];
        let end = if rest.starts_with(&['/', '/']) {
            i + rest.iter().position(|&c| c == '\n').unwrap_or(rest.len())
        } else if rest.starts_with(&['/', '*']) {
            i + block_comment(rest)
        } else if rest[0] == '"' {
            i + string(rest)
        } else if let Some(length) = raw_string(rest, i.checked_sub(1).map(|j| c[j])) {
            i + length
        } else if let Some(length) = character(rest) {
            i + length
        } else {
            out.push(rest[0]);
            i += 1;
            continue;
        };
        out.extend(
            c[i..end]
                .iter()
                .map(|&c| if c == '\n' { '\n' } else { ' ' }),
        );
        i = end;
    }
    out
}

fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < text.len() {
        if text[i..].starts_with(&['/', '*']) {
            depth += 1;
            i += 2;
        } else if text[i..].starts_with(&['*', '/']) {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    text.len()
}

fn string(text: &[char]) -> usize {
    let mut i = 1;
    while i < text.len() && text[i] != '"' {
        i += if text[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(text.len())
}

/// Length of r"..", r#".."# and their like, where the text starts with one.
fn raw_string(text: &[char], before: Option<char>) -> Option<usize> {
    if text[0] != 'r' || before.is_some_and(|c| is_identifier(c) && c != 'b') {
        return None;
    }
    let hashes = text[1..].iter().take_while(|&&c| c == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let body = 2 + hashes;
    let found = text[body..].windows(close.len()).position(|w| w == close);
    Some(found.map_or(text.len(), |at| body + at + close.len()))
}

/// Length of a character literal; lifetimes are none.
fn character(text: &[char]) -> Option<usize> {
    match text {
        ['\'', '\\', _, rest @ ..] => Some(3 + rest.iter().position(|&c| c == '\'')? + 1),
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

/// The tree of a `use` declaration that ends the piece, which stood before a semicolon.
fn use_tree(piece: &str) -> Option<&str> {
    let at = piece.rfind("use ")?;
    let before = piece[..at].chars().next_back();
    if before.is_some_and(is_identifier) {
        return None;
    }
    let tree = piece[at + 4..].trim();
    let is_tree = |c: char| is_identifier(c) || " \n{}:,*".contains(c);
    tree.chars().all(is_tree).then_some(tree)
}

/// `a::{b, c::{d, e as f}}` to a::b, a::c::d, a::c::e.
fn expand(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let tree = tree.trim();
    match tree.split_once('{') {
        Some((head, body)) => {
            let prefix = format!("{prefix}{}", head.trim());
            let body = body.trim_end();
            let body = body.strip_suffix('}').unwrap_or(body);
            let (mut depth, mut from) = (0usize, 0);
            for (i, c) in body.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    ',' if depth == 0 => {
                        expand(&prefix, &body[from..i], out);
                        from = i + 1;
                    }
                    _ => {}
                }
            }
            expand(&prefix, &body[from..], out);
        }
        None if tree.is_empty() => {}
        None => {
            let path = tree.split(" as ").next().unwrap_or(tree).trim();
            out.push(format!("{prefix}{path}"));
        }
    }
}

/// Paths of at least two segments in running code.
fn qualified(code: &str) -> impl Iterator<Item = String> + '_ {
    code.split(|c: char| !is_identifier(c) && c != ':')
        .map(|word| word.trim_matches(':'))
        .filter(|word| word.contains("::"))
        .map(str::to_owned)
}
