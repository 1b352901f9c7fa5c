//! The command line of `signalbox serve`.

use clap::Args;

use crate::machine::{args::MachineArgs, delivery::By};

/// Options of `signalbox serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// The port of the Redshift Data API; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port_redshift_data: u16,
    /// The port of Lambda's Invoke API; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port_lambda: u16,
    /// The port of the Step Functions side; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port_step_functions: u16,
    /// How completion events reach the function
    #[arg(long, value_enum, default_value_t = By::Sqs)]
    pub(crate) events: By,
    /// Answer task tokens at this endpoint of another Step Functions; without it at AWS_ENDPOINT_URL_SFN, or here
    #[arg(long, value_name = "URL")]
    pub(crate) sfn_endpoint: Option<String>,
    /// Send the function a scheduled event every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) sweep_seconds: u64,
}
