//! Everything about Wasm: the engine, the contract, limits, loading and calling of policies.
//!
//! The rest of the host sees a policy as the trait [`Policy`] and gives it AWS through the trait
//! [`Services`]. No other crate names wasmtime.

#[cfg(feature = "compiler")]
pub mod artifact;
#[cfg(feature = "compiler")]
mod cache;
pub mod call;
#[cfg(feature = "compiler")]
pub mod compile;
pub mod contract;
pub mod digest;
mod engine;
pub mod functions;
mod generation;
pub mod inspect;
mod instance;
pub mod journal;
pub mod limits;
mod load;
mod load_error;
mod machine_code;
mod magic;
#[cfg(feature = "compiler")]
mod outline;
mod policy;
pub mod record;
pub mod replay;
pub mod services;
pub mod shadow;
pub mod share;
pub mod witness;

pub use call::{
    Answer, CallContext, Closed, Fault, FaultKind, Identity, Invoked, Policy, Settled, Usage,
};
pub use engine::{Metering, Target, UnknownTarget};
pub use generation::WORLD;
pub use instance::{Line, Redact, gather};
pub use limits::{CompileLimits, Limits};
pub use load::{EngineError, EngineOptions, Loading, PolicyEngine, Source};
pub use load_error::LoadError;
pub use policy::ComponentPolicy;
#[doc(hidden)]
pub use policy::Reused;
pub use record::{Decision, DecisionRecord};
pub use services::{Denied, ServiceCall, ServiceReply, Services};
pub use witness::{Witness, Witnessed};
