//! The files of new projects.

use signalbox_lambda::{policy_tests::CASE_SCHEMA, set::set_schema};

use super::{Format, Language};

/// A file: its place in the project, and its text.
type File = (String, String);

/// The library for authors and the contract.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// The versions that the library is built with.
const WORKSPACE: &str = include_str!(concat!(env!("OUT_DIR"), "/workspace.toml"));
/// What stands for the policy's name in templates.
const NAME: &str = "{{name}}";
/// And for the same as a module's name.
const MODULE: &str = "{{module}}";

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("templates/", $name))
    };
}

fn filled(name: &str, files: &[(&str, &str)]) -> Vec<File> {
    let module = name.replace('-', "_");
    files
        .iter()
        .map(|(place, text)| {
            let fill = |text: &str| text.replace(NAME, name).replace(MODULE, &module);
            (fill(place), fill(text))
        })
        .collect()
}

/// A project of rules for the standard policy.
pub(super) fn of_settings(format: Format, name: &str, schema: &str) -> Vec<File> {
    let mut files = filled(
        name,
        &[
            ("tests/drops.toml", template!("drops.toml")),
            ("tests/reports.toml", template!("reports.toml")),
            ("tests/some-rows.toml", template!("some-rows.toml")),
            ("events/report.json", template!("report.json")),
        ],
    );
    files.push((
        "schemas/test.schema.json".to_owned(),
        CASE_SCHEMA.to_owned(),
    ));
    match format {
        Format::Toml => {
            files.extend(filled(
                name,
                &[
                    ("README.md", template!("settings-README.md")),
                    ("set.toml", template!("set.toml")),
                ],
            ));
            files.push(("schemas/set.schema.json".to_owned(), set_schema(schema)));
        }
        Format::Json => {
            files.extend(filled(
                name,
                &[
                    ("README.md", template!("json-README.md")),
                    ("settings.json", template!("settings.json")),
                ],
            ));
            files.push(("schemas/settings.schema.json".to_owned(), schema.to_owned()));
        }
    }
    files
}

/// A project of a policy in a language.
pub(super) fn of_language(language: Language, name: &str) -> Vec<File> {
    let mut files = match language {
        Language::Rust => {
            let mut files = filled(
                name,
                &[
                    ("README.md", template!("rust-README.md")),
                    ("src/lib.rs", template!("lib.rs.txt")),
                    (
                        "build.rs",
                        include_str!("../../../../../guest/examples/rust-override/build.rs"),
                    ),
                    ("build", template!("rust-build")),
                    ("tests/batches.toml", template!("batches.toml")),
                    ("tests/long-batches.toml", template!("long-batches.toml")),
                    ("tests/drops.toml", template!("drops.toml")),
                    (".gitignore", "target\n*.wasm\n"),
                ],
            );
            let manifest = template!("rust-Cargo.toml").replace(NAME, name);
            files.push(("Cargo.toml".to_owned(), format!("{manifest}\n{WORKSPACE}")));
            files.extend(filled(name, &[("set.toml", template!("rust-set.toml"))]));
            files
        }
        Language::Python => {
            let source = include_str!("../../../../../guest/examples/python/no_drops.py");
            let mut files = filled(
                name,
                &[
                    ("README.md", template!("python-README.md")),
                    ("{{module}}.py", &source.replace("no-drops-py", NAME)),
                    (
                        "requirements.txt",
                        include_str!("../../../../../guest/examples/python/requirements.txt"),
                    ),
                    ("build", template!("python-build")),
                    (".gitignore", "venv\n*.wasm\n__pycache__\n"),
                ],
            );
            files.extend(of_patterns(name));
            files
        }
        Language::Javascript => {
            let source = include_str!("../../../../../guest/examples/javascript/no-drops.js");
            let package = include_str!("../../../../../guest/examples/javascript/package.json")
                .replace("signalbox-example-no-drops", NAME)
                .replace(
                    "../../../wit no-drops.js no-drops.wasm",
                    "wit {{name}}.js {{name}}.wasm",
                );
            let mut files = filled(
                name,
                &[
                    ("README.md", template!("javascript-README.md")),
                    ("{{name}}.js", &source.replace("no-drops-js", NAME)),
                    ("package.json", &package),
                    (
                        "build.mjs",
                        include_str!("../../../../../guest/examples/javascript/build.mjs"),
                    ),
                    ("build", template!("javascript-build")),
                    (".gitignore", "node_modules\n*.wasm\n"),
                ],
            );
            files.extend(of_patterns(name));
            files
        }
    };
    let is_needed = |place: &str| language == Language::Rust || place.starts_with("wit/");
    let sdk = SDK.iter().filter(|(place, _)| is_needed(place));
    files.extend(sdk.map(|(place, text)| ((*place).to_owned(), (*text).to_owned())));
    files.push((
        "schemas/test.schema.json".to_owned(),
        CASE_SCHEMA.to_owned(),
    ));
    files
}

/// What both policies of patterns have: a set and three tests.
fn of_patterns(name: &str) -> Vec<File> {
    filled(
        name,
        &[
            ("set.toml", template!("patterns-set.toml")),
            ("tests/drops.toml", template!("patterns-drops.toml")),
            ("tests/selects.toml", template!("patterns-selects.toml")),
            ("tests/failures.toml", template!("patterns-failures.toml")),
        ],
    )
}
