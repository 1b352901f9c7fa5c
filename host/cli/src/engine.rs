//! `--engine`: what runs the SQL on this machine.

use clap::Args;
use signalbox_local::sql::EngineChoice;

/// The option, the same wherever SQL runs on this machine.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EngineArgs {
    /// What runs the SQL: `sqlite` (built in), `postgres` (a throwaway server of the installed one), or the URL of a
    /// server (`postgres://user@host/database`)
    #[arg(long, value_name = "sqlite|postgres|URL", default_value = "sqlite")]
    pub(crate) engine: EngineChoice,
}
