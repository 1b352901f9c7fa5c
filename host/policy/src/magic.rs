//! What kind of file some bytes are, by the first of them.

use crate::load_error::LoadError;

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
