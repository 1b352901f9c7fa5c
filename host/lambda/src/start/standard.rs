//! The standard policy, as it comes with the host.

use signalbox_policy::Source;

use super::StartError;

/// The component is in the executable; the host compiles it, or takes it from its cache.
#[cfg(feature = "compiler")]
#[allow(clippy::unnecessary_wraps, reason = "without a compiler it can fail")]
pub(crate) fn source(_policy: &str) -> Result<Source, StartError> {
    Ok(Source::Component(std::borrow::Cow::Borrowed(
        signalbox_guests::STANDARD,
    )))
}

/// The artifact is beside the executable. It is part of the same deployment package, so it is trusted as the executable
/// is.
#[cfg(not(feature = "compiler"))]
pub(crate) fn source(policy: &str) -> Result<Source, StartError> {
    const FILE: &str = "standard.cwasm";
    let missing = |path: &std::path::Path, error| StartError::NoStandard {
        policy: policy.to_owned(),
        path: path.to_owned(),
        error,
    };
    let executable =
        std::env::current_exe().map_err(|error| missing(std::path::Path::new(FILE), error))?;
    let path = executable.with_file_name(FILE);
    std::fs::File::open(&path).map_err(|error| missing(&path, error))?;
    Ok(Source::Package(path))
}
