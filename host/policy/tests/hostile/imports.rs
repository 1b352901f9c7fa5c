//! Imports that no policy is given.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// A policy that wants more than the contract.
pub(crate) struct Foreign {
    pub(crate) name: &'static str,
    pub(crate) component: Vec<u8>,
    /// What has to be said.
    pub(crate) says: &'static str,
}

pub(crate) fn foreign() -> Vec<Foreign> {
    let of = |name, package: &str, world: &str, says| Foreign {
        name,
        component: component(package, world),
        says,
    };
    vec![
        of(
            "HTTP",
            "package wasi:http@0.2.6 { interface outgoing-handler { handle: func() -> u32; } }",
            "import wasi:http/outgoing-handler@0.2.6;",
            "`wasi:http/outgoing-handler@0.2.6`",
        ),
        of(
            "a world of processes",
            "package wasi:process@0.2.0 { interface spawn { spawn: func(command: string) -> u32; } }",
            "import wasi:process/spawn@0.2.0;",
            "`wasi:process/spawn@0.2.0`",
        ),
        of(
            "files of a later WASI",
            "package wasi:filesystem@0.3.0 { interface types { open: func(path: string) -> u32; } }",
            "import wasi:filesystem/types@0.3.0;",
            "`wasi:filesystem/types@0.3.0`",
        ),
        of(
            "an interface that the contract does not have",
            "package signalbox:policy@0.1.9 { interface credentials { read: func() -> string; } }",
            "import signalbox:policy/credentials@0.1.9;",
            "`signalbox:policy/credentials@0.1.9`",
        ),
        of(
            "the contract of another version",
            "package signalbox:policy@0.9.0 { interface clock { now: func() -> u64; } }",
            "import signalbox:policy/clock@0.9.0;",
            "`signalbox:policy/clock@0.9.0`",
        ),
        of(
            "a function that an interface does not have",
            "package signalbox:policy@0.1.9 { interface clock { set: func(to: u64); } }",
            "import signalbox:policy/clock@0.1.9;",
            "clock@0.1.9",
        ),
        of(
            "a function of another type",
            "package signalbox:policy@0.1.9 { interface clock { now: func() -> string; } }",
            "import signalbox:policy/clock@0.1.9;",
            "clock@0.1.9",
        ),
        of(
            "somebody's interface of the same name",
            "package evil:policy@0.1.0 { interface clock { now: func() -> u64; } }",
            "import evil:policy/clock@0.1.0;",
            "`evil:policy/clock@0.1.0`",
        ),
        of(
            "a function without an interface",
            "",
            "import escape: func();",
            "`escape`",
        ),
    ]
}

/// A component with the policy's exports and one import more. Its code traps, which nobody gets to see.
fn component(package: &str, import: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    resolve.push_dir(wit).unwrap();
    let text = format!(
        "package test:test; {package}
         world w {{ {import} export signalbox:policy/handler@0.1.0; }}"
    );
    let package = resolve.push_str("foreign.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut module =
        wit_component::dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .unwrap();
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}
