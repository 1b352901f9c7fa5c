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
/// The interfaces of WASI 0.2 that a host with the feature `wasi` has: those of `wasi:cli/imports`.
const WASI: &[&str] = &[
    "cli/environment",
    "cli/exit",
    "cli/stderr",
    "cli/stdin",
    "cli/stdout",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stderr",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "io/error",
    "io/poll",
    "io/streams",
    "random/insecure",
    "random/insecure-seed",
    "random/random",
    "sockets/instance-network",
    "sockets/ip-name-lookup",
    "sockets/network",
    "sockets/tcp",
    "sockets/tcp-create-socket",
    "sockets/udp",
    "sockets/udp-create-socket",
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
    imports(
        policy,
        inspect::imports_of(engine, component),
        cfg!(feature = "wasi"),
    )?;

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

/// Looks at imports alone: all that a host does not have are named.
fn imports(policy: &str, imports: Vec<String>, has_wasi: bool) -> Result<(), LoadError> {
    let policy = policy.to_owned();
    let (wasi, foreign): (Vec<_>, Vec<_>) = imports
        .into_iter()
        .filter(|import| !is_provided(import))
        .partition(|import| is_wasi(import));
    match (foreign.is_empty(), has_wasi || wasi.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(LoadError::Wasi {
            policy,
            imports: wasi,
        }),
        (false, _) => Err(LoadError::Imports {
            policy,
            imports: foreign,
        }),
    }
}

/// Whether the host has the interface, in a version that is compatible: any `0.1`.
fn is_provided(import: &str) -> bool {
    import
        .strip_prefix(PACKAGE)
        .is_some_and(|rest| is_one_of(rest, INTERFACES, "0.1."))
}

/// Whether it is an interface of WASI as a host with the feature has it: any `0.2`.
fn is_wasi(import: &str) -> bool {
    import
        .strip_prefix("wasi:")
        .is_some_and(|rest| is_one_of(rest, WASI, "0.2."))
}

fn is_one_of(import: &str, names: &[&str], version: &str) -> bool {
    let Some((name, found)) = import.split_once('@') else {
        return false;
    };
    let patch = found.strip_prefix(version).unwrap_or_default();
    names.contains(&name) && !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())
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
    fn what_a_host_does_not_have_is_named() {
        let said = |names: &[&str], has_wasi| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            match imports("p", names, has_wasi) {
                Ok(()) => "it may load".to_owned(),
                Err(error) => error.to_string(),
            }
        };
        let ours = "signalbox:policy/clock@0.1.0";
        let random = "wasi:random/random@0.2.9";
        let said = [
            said(&[ours, random], true),
            said(&[ours, random], false),
            said(&[ours, random, "wasi:http/types@0.2.9"], true),
            said(
                &["wasi:random/random@0.3.0", "evil:policy/clock@0.1.0"],
                false,
            ),
        ];
        insta::assert_snapshot!(said.join("\n"), @"
        it may load
        policy `p`: it needs WASI (`wasi:random/random@0.2.9`), and this host was built without it. Run it on a host with the cargo feature `wasi`, as the ordinary build has it; a policy in Rust needs none if it is built for `wasm32-unknown-unknown`
        policy `p`: it imports `wasi:http/types@0.2.9`, which no policy is given; a policy imports nothing but interfaces of `signalbox:policy` (world `signalbox:policy/policy@0.1.0`) and, on a host that has it, WASI 0.2 (cli, clocks, filesystem, io, random, sockets; nothing is granted)
        policy `p`: it imports `wasi:random/random@0.3.0`, `evil:policy/clock@0.1.0`, which no policy is given; a policy imports nothing but interfaces of `signalbox:policy` (world `signalbox:policy/policy@0.1.0`) and, on a host that has it, WASI 0.2 (cli, clocks, filesystem, io, random, sockets; nothing is granted)
        ");
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
