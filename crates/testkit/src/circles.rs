//! Circles among the modules of a program or library: each module uses the next one, and the last the
//! first.
//!
//! A module in a circle cannot be read, nor tested, without the others. A module that uses items of its
//! parent is not in a circle with it: a parent is meant to use its children.
//!
//! Owns the syntax by which a module uses another: paths that begin with `crate`, `super`, `self` or a
//! module of one's own, in `use` and elsewhere, and names that are re-exported from other modules. Unit
//! tests at the end of a file do not count. Knows no crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A path in the source: its segments.
type Segments = Vec<String>;

/// A module: its declarations, and the paths in it.
#[derive(Debug, Default)]
struct Module {
    children: BTreeSet<String>,
    /// The names of its `use` declarations, and the paths behind them.
    names: BTreeMap<String, Segments>,
    paths: Vec<Segments>,
}

/// Modules by their segments; the root has none.
type Modules = BTreeMap<Segments, Module>;

/// Returns the circles among the modules of the crate whose first file is `root`, each as the names of its modules. Of
/// each pair in `known` the first module may use the second.
///
/// # Panics
///
/// When a file cannot be read.
pub fn circles(root: &Path, known: &[(&str, &str)]) -> Vec<Vec<String>> {
    let mut modules = Modules::new();
    read(root, Segments::new(), &mut modules);
    let shown = |name: &Segments| [&["crate".to_owned()], &name[..]].concat().join("::");
    let used = |name| {
        let mut used = used_by(&modules, name);
        used.retain(|used| !known.contains(&(shown(name).as_str(), shown(used).as_str())));
        used
    };
    let uses: BTreeMap<&Segments, BTreeSet<&Segments>> =
        modules.keys().map(|name| (name, used(name))).collect();
    let reached = |from| {
        let (mut all, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(name) = next.pop() {
            next.extend(uses[name].iter().copied().filter(|used| all.insert(*used)));
        }
        all
    };
    let reached: BTreeMap<&Segments, BTreeSet<&Segments>> =
        modules.keys().map(|name| (name, reached(name))).collect();
    let circle =
        |name| reached[name].iter().copied().filter(|other| reached[*other].contains(name));
    let circles: BTreeSet<Vec<&Segments>> =
        modules.keys().map(|name| circle(name).collect()).collect();
    let circles = circles.into_iter().filter(|circle| !circle.is_empty());
    circles.map(|circle| circle.into_iter().map(shown).collect()).collect()
}

/// Returns the modules that a module uses, except itself and its ancestors.
fn used_by<'m>(modules: &'m Modules, name: &Segments) -> BTreeSet<&'m Segments> {
    let mut used = BTreeSet::new();
    for path in &modules[name].paths {
        resolve(modules, name, path, &mut used);
    }
    used.retain(|used| !name.starts_with(used));
    used
}

/// Adds the module to which a path leads from `module`, and those of re-exported names on the way.
fn resolve<'m>(
    modules: &'m Modules,
    module: &Segments,
    path: &[String],
    used: &mut BTreeSet<&'m Segments>,
) {
    let (mut here, mut rest) = (module.clone(), path);
    match path.first().map(String::as_str) {
        Some("crate") => (here, rest) = (Segments::new(), &path[1..]),
        Some("self") => rest = &path[1..],
        Some("super") => {
            while rest.first().is_some_and(|first| first == "super") {
                here.pop();
                rest = &rest[1..];
            }
        }
        Some(child) if modules[module].children.contains(child) => {}
        _ => return,
    }
    while let Some((next, behind)) = rest.split_first()
        && modules[&here].children.contains(next)
    {
        here.push(next.clone());
        rest = behind;
    }
    let (name, known) = modules.get_key_value(&here).expect("it is among the children");
    let is_new = used.insert(name);
    // The path behind a name may lead to another module, or another crate.
    if let Some((next, behind)) = rest.split_first()
        && let Some(from) = known.names.get(next).filter(|_| is_new || here != *module)
    {
        resolve(modules, &here, &[&from[..], behind].concat(), used);
    }
}

/// Reads a module and its children.
fn read(file: &Path, name: Segments, modules: &mut Modules) {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text = text.replace("#[cfg(test)]\nmod tests;", "");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let module = parse(&tokens(code));
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let beside = file.parent().expect("a file is in a folder");
    let folder = match stem {
        "lib" | "main" | "mod" => beside.to_owned(),
        _ if name.is_empty() => beside.to_owned(),
        _ => beside.join(stem),
    };
    for child in &module.children {
        let places: [PathBuf; 2] =
            [folder.join(child).with_extension("rs"), folder.join(child).join("mod.rs")];
        let place = places.iter().find(|place| place.exists());
        let place = place.unwrap_or_else(|| panic!("{} has no file of {child}", file.display()));
        read(place, [&name[..], std::slice::from_ref(child)].concat(), modules);
    }
    modules.insert(name, module);
}

/// Splits code into words and signs. `::` is one sign; comments and string literals are left out.
fn tokens(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = text_length(rest) {
            length
        } else if is_word(first) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        if is_word(first) && text_length(rest).is_none()
            || matches!(token, "::" | "{" | "}" | "," | ";")
        {
            found.push(token);
        }
        rest = behind;
    }
    found
}

/// Returns the length of the string or character literal at the start of `code`, if there is one.
fn text_length(code: &str) -> Option<usize> {
    let raw = code.strip_prefix('b').unwrap_or(code).strip_prefix('r');
    if let Some(raw) = raw
        && let hashes = raw.len() - raw.trim_start_matches('#').len()
        && raw[hashes..].starts_with('"')
    {
        let end = format!("\"{}", "#".repeat(hashes));
        let begin = code.len() - raw.len() + hashes + 1;
        return Some(
            code[begin..].find(&end).map_or(code.len(), |length| begin + length + end.len()),
        );
    }
    let quote = code.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let mut letters = code.char_indices().skip(1);
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            letter if letter == quote => return Some(place + 1),
            // A lifetime has no second quote.
            _ if quote == '\'' && place > 1 => return None,
            _ => {}
        }
    }
    None
}

/// Finds the declarations and paths of a module.
fn parse(tokens: &[&str]) -> Module {
    let mut module = Module::default();
    let mut place = 0;
    while place < tokens.len() {
        match tokens[place..] {
            ["mod", name, ";", ..] => {
                module.children.insert(name.to_owned());
                place += 3;
            }
            ["use", ..] => {
                let length = tokens[place..].iter().position(|token| *token == ";");
                let end = place + length.unwrap_or(tokens.len() - place);
                tree(&tokens[place + 1..end], &Segments::new(), &mut module);
                place = end;
            }
            [first, "::", ..] => {
                let mut path = vec![first.to_owned()];
                while let ["::", next, ..] = tokens[place + 1..]
                    && next != "{"
                {
                    path.push(next.to_owned());
                    place += 2;
                }
                module.paths.push(path);
                place += 1;
            }
            _ => place += 1,
        }
    }
    module
}

/// Adds the paths of a `use` declaration, or of a part of one behind `before`.
fn tree(tokens: &[&str], before: &Segments, module: &mut Module) {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        depth += i32::from(*token == "{") - i32::from(*token == "}");
        depth == 0 && *token == ","
    });
    for part in parts {
        let brace = part.iter().position(|token| *token == "{").unwrap_or(part.len());
        let (head, inner) = part.split_at(brace);
        let (head, alias) = match head {
            [head @ .., "as", alias] => (head, Some(*alias)),
            _ => (head, None),
        };
        let words = head.iter().filter(|token| **token != "::").map(|token| (*token).to_owned());
        let mut path: Segments = before.iter().cloned().chain(words).collect();
        if let [_, inner @ .., "}"] = inner {
            tree(inner, &path, module);
            continue;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = alias.or(path.last().map(String::as_str)).unwrap_or_default().to_owned();
        // If a name is that of a module here, it leads to that module.
        if !module.children.contains(&name) {
            module.names.insert(name, path.clone());
        }
        module.paths.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate with these files.
    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it is in the folder"))
                .expect("it can be made");
            fs::write(path, text).expect("the folder is ours");
        }
        circles(&folder.path().join("lib.rs"), &[("crate::known", "crate::b")])
    }

    #[test]
    fn a_circle_is_found_however_its_modules_are_named() {
        let ways = [
            "use crate::b::B;",
            "use super::b::{self, B as C};",
            "use crate::{b::{B}};",
            "fn f() -> crate::b::B { todo() }",
            "use crate::B;",
            "impl super::B {}",
        ];
        for way in ways {
            let circle = found(&[
                ("lib.rs", "mod a;\nmod b;\npub use b::B;\n"),
                ("a.rs", way),
                ("b.rs", "use crate::a;\npub struct B;\n"),
            ]);
            assert_eq!(circle, [["crate::a", "crate::b"]], "{way}");
        }
    }

    #[test]
    fn a_circle_through_a_folder_is_found() {
        let circle = found(&[
            ("lib.rs", "mod rows;\nmod bench;\n"),
            ("rows/mod.rs", "mod one;\nconst ROWS: [fn(); 1] = [one::measure];\n"),
            ("rows/one.rs", "use crate::bench::Bench;\n"),
            ("bench.rs", "use crate::rows::ROWS;\n"),
        ]);
        assert_eq!(circle, [["crate::bench", "crate::rows", "crate::rows::one"]]);
    }

    #[test]
    fn a_circle_of_a_known_pair_is_none() {
        let circle = |a: &str| {
            let mods = format!("mod {a};\nmod b;\n");
            let uses = format!("use crate::{a};\n");
            found(&[("lib.rs", &mods), (&format!("{a}.rs"), "use crate::b;\n"), ("b.rs", &uses)])
        };
        assert_eq!(circle("known"), Vec::<Vec<String>>::new());
        assert_eq!(circle("a"), [["crate::a", "crate::b"]]);
    }

    #[test]
    fn modules_without_a_circle_pass() {
        let none = found(&[
            ("lib.rs", "mod a;\nmod b;\npub use a::A;\nfn f() { b::g() }\n"),
            (
                "a.rs",
                "//! See [`crate::b`].\nuse crate::b::g;\nconst T: &str = r#\"crate::a \" crate::b\"#;\n",
            ),
            ("b/mod.rs", "mod c;\n// crate::a\npub fn g() { c::h::<'_>() }\n/* crate::a */\n"),
            ("b/c.rs", "use super::g;\n\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n"),
        ]);
        assert_eq!(none, Vec::<Vec<String>>::new());
    }
}
