//! What can be said of a component without running it.

use wasmtime::{
    Engine,
    component::{Component, types::ComponentItem},
};

use crate::{inspect, load::LoadError};

/// The world that policies are of.
pub const WORLD: &str = "signalbox:policy/policy@0.1.0";

const PACKAGE: &str = "signalbox:policy/";
const HANDLER: &str = "signalbox:policy/handler@0.1.0";
const INTERFACES: &[&str] = &[
    "redshift-data",
    "callbacks",
    "ledger",
    "clock",
    "log",
    "types",
];
const FUNCTIONS: &[&str] = &[
    "describe",
    "validate-settings",
    "invoke",
    "settle",
    "closed",
];

pub(crate) fn size(policy: &str, found: usize, allowed: usize) -> Result<(), LoadError> {
    if found <= allowed {
        return Ok(());
    }
    Err(LoadError::TooLarge {
        policy: policy.to_owned(),
        found,
        allowed,
    })
}

pub(crate) fn settings(policy: &str, settings: &str) -> Result<(), LoadError> {
    crate::instance::task::is_json(settings).map_err(|reason| LoadError::SettingsSyntax {
        policy: policy.to_owned(),
        reason,
    })
}

/// Looks at the first bytes: the compiler's own words on the wrong kind of file help nobody.
pub(crate) fn is_component(policy: &str, bytes: &[u8]) -> Result<(), LoadError> {
    let not = |found, help| {
        Err(LoadError::NotAComponent {
            policy: policy.to_owned(),
            found,
            help,
        })
    };
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => not(
            "a core module",
            "Make a component of it with `signalbox policy build`, or build it with its toolchain's support for components",
        ),
        [0, b'a', b's', b'm', ..] => not(
            "WebAssembly of an unknown version",
            "Build it with a current toolchain",
        ),
        [0x7f, b'E', b'L', b'F', ..] => not(
            "machine code",
            "If `signalbox policy compile` made it, name it as an artifact, with its SHA-256",
        ),
        [] => not("an empty file", "Name the component's file"),
        [b'(', ..] => not("WebAssembly text", "Translate it with `wasm-tools parse`"),
        _ => not(
            "an unknown kind of file",
            "A component begins with the bytes `00 61 73 6d 0d 00 01 00`",
        ),
    }
}

/// Looks at imports and exports.
pub(crate) fn world(engine: &Engine, component: &Component, policy: &str) -> Result<(), LoadError> {
    let foreign: Vec<_> = inspect::imports_of(engine, component)
        .into_iter()
        .filter(|import| !is_provided(import))
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::Imports {
            policy: policy.to_owned(),
            imports: foreign,
        });
    }

    let ty = component.component_type();
    let Some(handler) = ty.get_export(engine, HANDLER) else {
        let other = inspect::exports_of(engine, component);
        return Err(LoadError::world(
            policy,
            match other.as_slice() {
                [] => format!("it exports nothing; `{HANDLER}` is missing"),
                names => format!(
                    "it exports `{}`; `{HANDLER}` is missing",
                    names.join("`, `")
                ),
            },
        ));
    };
    let ComponentItem::ComponentInstance(handler) = handler.ty else {
        return Err(LoadError::world(
            policy,
            format!("its export `{HANDLER}` is not an interface"),
        ));
    };
    let missing: Vec<_> = FUNCTIONS
        .iter()
        .filter(|name| handler.get_export(engine, name).is_none())
        .copied()
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LoadError::world(
            policy,
            format!("`{HANDLER}` lacks `{}`", missing.join("`, `")),
        ))
    }
}

/// Whether the host has the interface, in a version that is compatible: any `0.1`.
fn is_provided(import: &str) -> bool {
    let Some((name, version)) = import
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.split_once('@'))
    else {
        return false;
    };
    let patch = version.strip_prefix("0.1.").unwrap_or_default();
    INTERFACES.contains(&name)
        && !patch.is_empty()
        && patch.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_of_the_contract_are_provided() {
        assert!(is_provided("signalbox:policy/clock@0.1.0"));
        assert!(is_provided("signalbox:policy/clock@0.1.7"));
        assert!(!is_provided("signalbox:policy/clock@0.2.0"));
        assert!(!is_provided("signalbox:policy/files@0.1.0"));
        assert!(!is_provided("wasi:cli/stdout@0.2.6"));
        assert!(!is_provided("clock"));
    }

    #[test]
    fn every_wrong_kind_of_file_is_named() {
        let kinds: [&[u8]; 6] = [
            b"",
            b"junk",
            b"\0asm\x01\0\0\0",
            b"\0asm\x0a\0\x01\0",
            b"\x7fELF\x02",
            b"(component)",
        ];
        let said: Vec<_> = kinds
            .iter()
            .map(|bytes| is_component("p", bytes).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(said.join("\n"));
        assert!(is_component("p", b"\0asm\x0d\0\x01\0").is_ok());
    }
}
