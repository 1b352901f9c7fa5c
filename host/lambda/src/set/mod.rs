//! Policy sets: one manifest that says which policies there are, what each may do, and who gets which.
//!
//! A set comes from a [`Source`] as one text with its signature in it ([`signature`]), is read and checked
//! ([`manifest`]), loaded with everything that it names ([`Loader`]) and put in force by one swap. A [`Refresher`] does
//! that at the heads of invocations. Whatever goes wrong on the way, what was in force stays. What every key of a
//! manifest means is said in `docs/policy-sets.md`.

mod expiry;
mod lines;
mod loader;
pub mod manifest;
mod refresh;
#[cfg(feature = "registry")]
mod registry;
pub mod signature;
mod source;
mod status;
mod vectors;
mod windows;

pub use loader::{Loaded, LoadedPolicy, Loader, SetError, Terms};
pub use refresh::{Refresher, Timing};
#[cfg(feature = "registry")]
pub use registry::{RegistrySource, registry};
pub use source::{FetchError, Fetched, FileSource, S3Source, Source};
pub use status::Status;
