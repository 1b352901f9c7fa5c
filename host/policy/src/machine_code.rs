//! Machine code that was compiled from a component: the file that it lies in, and how it is loaded.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

/// What the last bytes of an artifact begin with; the SHA-256 of the component that it was made of follows.
const SEAL: &[u8; 16] = b"signalbox-code-1";
/// How long a SHA-256 is, in bytes.
const DIGEST: usize = 32;
const SEAL_BYTES: usize = SEAL.len() + DIGEST;

/// Writes behind machine code what it was made of. Wasmtime does not look behind the code.
#[cfg(feature = "compiler")]
pub(crate) fn seal(mut code: Vec<u8>, component: &[u8]) -> Vec<u8> {
    code.extend_from_slice(SEAL);
    code.extend_from_slice(&Sha256::digest(component));
    code
}

/// The SHA-256 of the component that an artifact says it was made of.
pub(crate) fn sealed(artifact: &[u8]) -> Option<String> {
    let seal = artifact.last_chunk::<SEAL_BYTES>()?;
    seal.strip_prefix(SEAL).map(hex::encode)
}

/// What names the policy in a file: the component that it was made of, or else the file itself.
pub(crate) fn name_of(path: &Path) -> io::Result<String> {
    let end = end_of(path)?;
    match end.as_ref().and_then(|end| sealed(end)) {
        Some(component) => Ok(component),
        None => Ok(hex::encode(digest_of(File::open(path)?)?)),
    }
}

fn end_of(path: &Path) -> io::Result<Option<[u8; SEAL_BYTES]>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(begin) = length.checked_sub(SEAL_BYTES as u64) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(begin))?;
    let mut end = [0; SEAL_BYTES];
    file.read_exact(&mut end)?;
    Ok(Some(end))
}

/// The SHA-256 of what is read, without holding it.
pub(crate) fn digest_of(mut from: impl io::Read) -> io::Result<[u8; DIGEST]> {
    let mut hasher = Sha256::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        match from.read(&mut part) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(read) => hasher.update(part.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Loads machine code.
///
/// The callers vouch for the bytes: they have just hashed exactly these, and found the digest that a trusted
/// party gave; or a compiler of this program has just made them.
#[allow(
    unsafe_code,
    reason = "loading machine code is what this function is for"
)]
pub(crate) fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `bytes` were made by `Engine::precompile_component` or `Component::serialize` and not changed
    // since. The digest says so, and it was taken of this slice, not of a file that could be replaced between
    // the check and the use; or they come from the compiler itself. Wasmtime itself refuses another version, other settings and another processor.
    unsafe { Component::deserialize(engine, bytes) }
}

/// Maps machine code that is in a file.
///
/// The callers vouch for the file: it was made by `Engine::precompile_component`, and nobody changes it, see
/// [`Source::Package`](crate::Source::Package).
#[allow(
    unsafe_code,
    reason = "loading machine code is what this function is for"
)]
pub(crate) fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is part of the deployment package, and trusted as the executable beside it is; or it is in a folder
    // that only this user can write to, where files are moved to when they are whole and never written again. Wasmtime
    // itself refuses another version, other settings and another processor.
    unsafe { Component::deserialize_file(engine, path) }
}
