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
    load::LoadError,
};

/// The world that policies are of.
pub const WORLD: &str = "signalbox:policy/policy@0.1.0";

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
    let foreign: Vec<_> = inspect::imports_of(engine, component)
        .into_iter()
        .filter(|import| !import.starts_with(PACKAGE))
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::Imports {
            policy: policy.to_owned(),
            imports: foreign,
        });
    }
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
        None => {
            let wanted = newest.map_or_else(String::new, |newest| format!("{HANDLER}{newest}"));
            let exports = inspect::exports_of(engine, component);
            let reason = match exports.as_slice() {
                [] => format!("it exports nothing; `{wanted}` is missing"),
                names => format!("it exports `{}`; `{wanted}` is missing", names.join("`, `")),
            };
            Err(LoadError::world(policy, reason))
        }
    }
}

/// What a component imports and the generation does not have: `interface@version`, or `interface@version#function`.
fn missing(engine: &Engine, component: &Component, generation: &Generation) -> Vec<String> {
    let mut missing = Vec::new();
    for (import, item) in component.component_type().imports(engine) {
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
