//! Policy sets: one manifest that says which policies there are, what each may do, and who gets which.
//!
//! A set comes from a [`Source`] as one text with its signature in it ([`signature`]), is read and checked
//! ([`manifest`]), loaded with everything that it names ([`Loader`]) and put in force by one swap. A [`Refresher`] does
//! that at the heads of invocations. Whatever goes wrong on the way, what was in force stays. What every key of a
//! manifest means is said in `docs/policy-sets.md`.

mod expiry;
pub(crate) mod lines;
mod loader;
pub mod manifest;
mod refresh;
#[cfg(feature = "registry")]
mod registry;
pub mod signature;
mod source;
mod status;
mod windows;

pub use loader::{Loaded, LoadedPolicy, Loader, SetError, Terms, Tested};
pub use refresh::{Refresher, Timing};
#[cfg(feature = "registry")]
pub use registry::{RegistrySource, registry};
pub use source::{FetchError, Fetched, FileSource, S3Source, Source};
pub use status::Status;

/// The JSON Schema of a manifest, whose policies have settings of this schema.
#[must_use]
pub fn set_schema(settings: &str) -> String {
    // References of the settings' schema start at its own root.
    let settings = settings.replace("\"#/", "\"#/$defs/settings/");
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let mut schema = read(include_str!("set.schema.json"));
    let mut settings = read(&settings);
    if let Some(members) = settings.as_object_mut() {
        members.remove("$schema");
        members.remove("$id");
    }
    if let Some(place) = schema.pointer_mut("/$defs/settings") {
        *place = settings;
    }
    format!("{schema:#}\n")
}
