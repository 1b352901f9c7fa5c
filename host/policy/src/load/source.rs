//! Where a policy's code comes from.

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use crate::policy::ComponentPolicy;

/// A policy's code.
#[derive(Clone)]
pub enum Source {
    /// A component. It is compiled, or taken from the cache.
    Component(Cow<'static, [u8]>),
    /// What [`compile`](crate::artifact) made of a component: machine code, which is run as it is.
    Artifact {
        /// The artifact.
        bytes: Cow<'static, [u8]>,
        /// The SHA-256 (hexadecimal) that whoever is trusted says it has.
        sha256: String,
        /// The SHA-256 of the component that it was made of, which names the policy in records. Without it the
        /// artifact itself says which.
        component: Option<String>,
    },
    /// An artifact that is a file of the deployment package, and is trusted as this program is. It is mapped: only the pages
    /// that are used are read. Nobody may write to the file while the policy is loaded.
    Package {
        /// The file.
        path: PathBuf,
        /// The component that it was made of, if this program has it: it is compiled where the file is missing, was made
        /// of another component, or does not fit this engine.
        component: Option<&'static [u8]>,
    },
    /// The code of a policy that is loaded already, for other settings or limits.
    Loaded(Arc<ComponentPolicy>),
}
