//! The standard policy, as it comes with the host.

#[cfg(not(feature = "compiler"))]
use std::path::Path;
use std::path::PathBuf;

use signalbox_policy::Source;

use super::StartError;

/// What `signalbox policy compile standard` writes, beside the executable. It is part of the same deployment package, so
/// it is trusted as the executable is.
const FILE: &str = "standard.cwasm";

/// The artifact, or else the component in the executable, which the host compiles or takes from its cache.
#[cfg(feature = "compiler")]
#[allow(clippy::unnecessary_wraps, reason = "without a compiler it can fail")]
pub(crate) fn source(_policy: &str) -> Result<Source, StartError> {
    Ok(Source::Package {
        path: path().unwrap_or_default(),
        component: Some(signalbox_guests::STANDARD),
    })
}

/// The artifact.
#[cfg(not(feature = "compiler"))]
pub(crate) fn source(policy: &str) -> Result<Source, StartError> {
    let missing = |path: &Path, error| StartError::NoStandard {
        policy: policy.to_owned(),
        path: path.to_owned(),
        error,
    };
    let path = path().map_err(|error| missing(Path::new(FILE), error))?;
    std::fs::File::open(&path).map_err(|error| missing(&path, error))?;
    Ok(Source::Package {
        path,
        component: None,
    })
}

fn path() -> std::io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(FILE))
}
