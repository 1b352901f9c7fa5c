//! What can be said of a component without running it.

use wasmtime::{
    Engine,
    component::{
        Component,
        types::{ComponentInstance, ComponentItem},
    },
};

use crate::{
    generation::{Generation, HANDLER, PACKAGE, Version},
    inspect,
    load_error::LoadError,
};

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

/// Refuses a component of another world by the names alone that it imports and exports, before it is compiled.
#[cfg(feature = "compiler")]
pub(crate) fn outline(
    policy: &str,
    mut outline: crate::outline::Outline,
    generations: &[Generation],
) -> Result<(), LoadError> {
    outline.imports.sort();
    outline.exports.sort();
    others(policy, outline.imports, cfg!(feature = "wasi"))?;
    if outline.exports.iter().any(|name| name.starts_with(HANDLER)) {
        return Ok(());
    }
    let newest = generations.first().map(|generation| generation.version);
    Err(no_handler(policy, newest, &outline.exports))
}

/// A component that exports no handler of any version.
fn no_handler(policy: &str, newest: Option<Version>, exports: &[String]) -> LoadError {
    let wanted = newest.map_or_else(String::new, |newest| format!("{HANDLER}{newest}"));
    let reason = match exports {
        [] => format!("it exports nothing; `{wanted}` is missing"),
        names => format!("it exports `{}`; `{wanted}` is missing", names.join("`, `")),
    };
    LoadError::world(policy, reason)
}

/// Says of which generation a component is, from its imports and exports.
///
/// Wasmtime links compatible versions in both directions, so a policy that was built for a newer version of the
/// contract may come to an older host. All that it wants is looked for here, so that what is missing has its name.
pub(crate) fn world<'a>(
    engine: &Engine,
    component: &Component,
    policy: &str,
    generations: &'a [Generation],
) -> Result<&'a Generation, LoadError> {
    others(
        policy,
        inspect::imports_of(engine, component),
        cfg!(feature = "wasi"),
    )?;
    let newest = generations.first().map(|generation| generation.version);
    let (name, handler) = handler(engine, component, policy, newest)?;
    let version = name.strip_prefix(HANDLER).and_then(Version::read);
    let generation = generations
        .iter()
        .find(|generation| version.is_some_and(|built| built.is_compatible(generation.version)))
        .ok_or_else(|| LoadError::Version {
            policy: policy.to_owned(),
            built_for: name.strip_prefix(HANDLER).unwrap_or_default().to_owned(),
            provided: generations
                .iter()
                .map(|generation| generation.version.to_string())
                .collect(),
        })?;
    let missing = missing(engine, component, generation);
    if !missing.is_empty() {
        return Err(LoadError::Missing {
            policy: policy.to_owned(),
            missing,
            provided: generation.version.to_string(),
        });
    }
    let lacks: Vec<_> = generation
        .exports
        .iter()
        .filter(|name| handler.get_export(engine, name).is_none())
        .copied()
        .collect();
    if lacks.is_empty() {
        Ok(generation)
    } else {
        Err(LoadError::world(
            policy,
            format!("`{name}` lacks `{}`", lacks.join("`, `")),
        ))
    }
}

/// Looks at the imports that are not of the contract: all that the host does not have are named.
fn others(policy: &str, imports: Vec<String>, has_wasi: bool) -> Result<(), LoadError> {
    let policy = policy.to_owned();
    let (wasi, foreign): (Vec<_>, Vec<_>) = imports
        .into_iter()
        .filter(|import| !import.starts_with(PACKAGE))
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

/// Whether it is an interface of WASI as a host with the feature has it: any `0.2`.
fn is_wasi(import: &str) -> bool {
    let Some((name, version)) = import
        .strip_prefix("wasi:")
        .and_then(|rest| rest.split_once('@'))
    else {
        return false;
    };
    let patch = version.strip_prefix("0.2.").unwrap_or_default();
    WASI.contains(&name) && !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())
}

/// The interface that makes a component a policy, whatever its version.
fn handler(
    engine: &Engine,
    component: &Component,
    policy: &str,
    newest: Option<Version>,
) -> Result<(String, ComponentInstance), LoadError> {
    let ty = component.component_type();
    let found = ty
        .exports(engine)
        .find(|(name, _)| name.starts_with(HANDLER));
    match found.map(|(name, item)| (name.to_owned(), item.ty)) {
        Some((name, ComponentItem::ComponentInstance(handler))) => Ok((name, handler)),
        Some((name, _)) => Err(LoadError::world(
            policy,
            format!("its export `{name}` is not an interface"),
        )),
        None => Err(no_handler(
            policy,
            newest,
            &inspect::exports_of(engine, component),
        )),
    }
}

/// What a component imports and the generation does not have: `interface@version`, or `interface@version#function`.
fn missing(engine: &Engine, component: &Component, generation: &Generation) -> Vec<String> {
    let mut missing = Vec::new();
    let ty = component.component_type();
    let of_contract = ty
        .imports(engine)
        .filter(|(import, _)| import.starts_with(PACKAGE));
    for (import, item) in of_contract {
        let (interface, version) = import
            .strip_prefix(PACKAGE)
            .and_then(|rest| rest.split_once('@'))
            .unwrap_or((import, ""));
        let known = generation
            .imports
            .iter()
            .find(|(name, _)| *name == interface)
            .filter(|_| {
                Version::read(version)
                    .is_some_and(|version| version.is_compatible(generation.version))
            });
        let Some((_, functions)) = known else {
            missing.push(import.to_owned());
            continue;
        };
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            missing.push(import.to_owned());
            continue;
        };
        for (name, item) in instance.exports(engine) {
            let name = name.strip_prefix("[method]").unwrap_or(name);
            let is_function = matches!(item.ty, ComponentItem::ComponentFunc(_));
            if is_function && !functions.contains(&name) {
                missing.push(format!("{import}#{name}"));
            }
        }
    }
    missing.sort();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_does_not_have_is_named() {
        let said = |names: &[&str], has_wasi| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            match others("p", names, has_wasi) {
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
}
