//! `signalbox policy build`.

use std::path::Path;

use serde_json::json;
use signalbox_policy::{digest, inspect::Interfaces};

use crate::{Done, out};

/// How a core module begins.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// How a component begins.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// What a policy exports.
const HANDLER: &str = "signalbox:policy/handler@";

pub(super) fn run(module: &Path, output: &Path) -> Done {
    let shown = module.display();
    let bytes = std::fs::read(module).map_err(|error| {
        format!(
            "{shown} cannot be read: {error}. Name the module that `cargo build --target \
             wasm32-unknown-unknown` wrote"
        )
    })?;
    let component = encode(&bytes).map_err(|reason| format!("{shown} {reason}"))?;
    let interfaces =
        Interfaces::of(&shown.to_string(), &component).map_err(|error| error.to_string())?;
    if !interfaces
        .exports
        .iter()
        .any(|name| name.starts_with(HANDLER))
    {
        return Err(format!(
            "{shown} exports no policy: write `export_policy!` of the kit once, in a crate of type `cdylib`"
        ));
    }
    std::fs::write(output, &component)
        .map_err(|error| format!("{} cannot be written: {error}", output.display()))?;
    let sha256 = digest::hex(&component);
    out::line(format_args!(
        "{}: {} bytes, SHA-256 {sha256}",
        out::styled(out::NAME, output.display()),
        component.len(),
    ));
    out::json(&json!({ "file": output, "bytes": component.len(), "sha256": sha256 }));
    Ok(true)
}

fn encode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if bytes.starts_with(COMPONENT) {
        return Err("is a component already; use it as it is".to_owned());
    }
    if !bytes.starts_with(MODULE) {
        return Err("is no WebAssembly module".to_owned());
    }
    signalbox_guest_build::encode(bytes)
        .map_err(|reason| format!("does not become a component: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn what_cannot_become_a_component_is_said() {
        for (bytes, says) in [
            (&b"select 1"[..], "is no WebAssembly module"),
            (b"\0asm\x0d\0\x01\0", "is a component already"),
            (b"\0asm\x01\0\0\0\x01", "does not become a component"),
        ] {
            let error = encode(bytes).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
