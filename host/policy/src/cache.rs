//! Compiled components on disk, so that only the first start compiles.
//!
//! What is in the folder is machine code that will be run, so it is trusted only as far as nobody else can
//! have written it: the folder belongs to this user, is open to nobody else and is no link. A file is named by
//! everything that its content follows from, and carries its own digest. Whatever is odd is compiled anew.

mod folder;

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

use crate::{
    digest,
    engine::Target,
    machine_code::{deserialize, digest_of, map},
};

/// What stands behind the code in a file, and the digest of the code behind that. Wasmtime does not look there, so that the
/// file can be mapped.
const MAGIC: &[u8; 16] = b"signalbox-cache2";
const DIGEST: usize = 32;

/// Compiled components of one engine, in a folder if there is one.
#[derive(Clone)]
pub(crate) struct Cache {
    pub(crate) engine: Engine,
    pub(crate) folder: Option<PathBuf>,
}

impl Cache {
    /// The component of this digest, if the folder has it.
    pub(crate) fn find(&self, digest: &str) -> Option<Component> {
        let folder = self.folder.as_deref()?;
        // What is wrong with the folder is said where something is to be kept in it.
        folder::prepare(folder).ok()?;
        let path = folder.join(name(&self.engine, digest));
        match read(&self.engine, &path) {
            Ok(found) => found,
            Err(reason) => {
                tracing::warn!(path = %path.display(), reason, "a cached policy is compiled anew");
                None
            }
        }
    }

    /// The component of machine code that was just made of it, which is kept in the folder.
    pub(crate) fn keep(&self, digest: &str, code: &[u8]) -> wasmtime::Result<Component> {
        let component = deserialize(&self.engine, code)?;
        if let Some(folder) = self.folder.as_deref()
            && let Err(reason) = self.write(folder, digest, code)
        {
            tracing::warn!(folder = %folder.display(), %reason, "a compiled policy was not cached");
        }
        Ok(component)
    }

    fn write(&self, folder: &Path, digest: &str, code: &[u8]) -> io::Result<()> {
        folder::prepare(folder)?;
        write(folder, &folder.join(name(&self.engine, digest)), code)
    }
}

/// A name that changes with the component, the engine's settings, wasmtime's version and the machine.
fn name(engine: &Engine, digest: &str) -> String {
    // The hash of the engine covers its settings and wasmtime's version.
    let mut compatibility = DefaultHasher::new();
    engine
        .precompile_compatibility_hash()
        .hash(&mut compatibility);
    let text = format!(
        "{digest} {:016x} {} {}",
        compatibility.finish(),
        Target::host(),
        env!("CARGO_PKG_VERSION")
    );
    format!("{}.policy", digest::hex(text.as_bytes()))
}

/// What is in the file, if it is there. An error is a reason not to trust it.
fn read(engine: &Engine, path: &Path) -> Result<Option<Component>, String> {
    let mut file = match folder::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    match is_whole(&mut file) {
        Ok(true) => {}
        Ok(false) => return Err("it is not what was written".to_owned()),
        Err(error) => return Err(error.to_string()),
    }
    map(engine, path)
        .map(Some)
        .map_err(|error| format!("{error:#}"))
}

/// Whether the end of a file is the digest of what stands before it.
fn is_whole(file: &mut File) -> io::Result<bool> {
    let mut end = [0; MAGIC.len() + DIGEST];
    let Some(code) = file.metadata()?.len().checked_sub(end.len() as u64) else {
        return Ok(false);
    };
    let digest = digest_of(file.take(code))?;
    file.read_exact(&mut end)?;
    Ok(end.strip_prefix(MAGIC) == Some(&digest))
}

/// Writes the file beside its place and moves it there, so that it is never seen half written.
fn write(folder: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!("draft-{}-{:x}", std::process::id(), unique()));
    let result = (|| {
        let mut file = folder::create_own(&draft)?;
        file.write_all(code)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(code))?;
        File::sync_all(&file)?;
        fs::rename(&draft, path)
    })();
    if result.is_err() {
        // The first error is the one to tell; a draft that stays behind is never read.
        let _ = fs::remove_file(&draft);
    }
    result
}

/// A number that no other thread of this process gets.
fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
