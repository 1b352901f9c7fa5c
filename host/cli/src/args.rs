//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    doctor::DoctorArgs, engine::EngineArgs, invoke::InvokeArgs, replay::ReplayArgs,
    serve::ServeArgs, settings::Settings, step::StepArgs, tasks::TasksCommand,
};

/// What scripts can tell from the end of a command.
const EXIT_CODES: &str = "\
Exit codes:
  0    all went as it should
  1    it was done and went otherwise: refused, failed, or a finding
  2    it cannot be done: an argument, a file, a setting; standard error says what to change. What was found out
       before is told all the same, as by `status` where the ledger cannot be asked
  130  interrupted by Ctrl-C (143: by SIGTERM); servers and temporary files are gone";

/// Redshift SQL from Step Functions, under policies that are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Write one JSON document to standard output in place of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the life of real tasks on this machine, without an AWS account (the default)
    Demo(DemoArgs),
    /// Serve Redshift's Data API and Lambda's Invoke API on this machine, for your own tools, until stopped
    Serve(Box<ServeArgs>),
    /// Invoke the function with one event and show all that comes of it: host calls, decision, answer, cost
    Invoke(Box<InvokeArgs>),
    /// Run one Task state of a state machine's definition and say where it would go on
    Step(Box<StepArgs>),
    /// Make recorded decisions again, by another policy or under other settings, and show which would change
    Replay(ReplayArgs),
    /// Prepare the DynamoDB table that keeps the durable record
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Build policies, look at them, check them, compile them
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Look over a deployment and say what is missing and how to mend it; changes nothing
    Doctor(DoctorArgs),
    /// Say which policy set the function's configuration leads to, and whether a host would take it; changes nothing
    Status {
        #[command(flatten)]
        settings: Settings,
    },
    /// Look after the open tasks of a deployment: list, show, cancel, settle
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// Write the pages of all commands into this folder instead
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

impl Command {
    /// Whether it runs servers and keeps temporary files.
    pub(crate) fn has_machine(&self) -> bool {
        matches!(
            self,
            Self::Demo(_) | Self::Serve(_) | Self::Invoke(_) | Self::Step(_)
        )
    }
}

impl Default for Command {
    fn default() -> Self {
        Self::Demo(DemoArgs::default())
    }
}

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Play only the scenarios whose names contain this
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// List the scenarios and end
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Create the table named by DDB_TABLE_NAME or the configuration; safe to repeat
    Create {
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Make a component of the core module that a toolchain for `wasm32-unknown-unknown` wrote
    Build {
        /// The core module, such as `target/wasm32-unknown-unknown/release/nightly.wasm`
        module: PathBuf,
        /// Where to write the component
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Load a policy, or a whole policy set, as the host does, and say what is wrong
    Check {
        /// The component, or `standard` for the built-in policy; or a set's manifest, a `.toml` file
        policy: String,
        /// Settings of the policy: a JSON file
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
        /// For a set: the function's configuration, whose targets and ceilings it has to keep to; without it that of
        /// SIGNALBOX_CONFIG, if that is set
        #[arg(long, value_name = "FILE", conflicts_with = "settings")]
        config: Option<PathBuf>,
        /// For a set: the deployment that it has to be for; without it that of SIGNALBOX_DEPLOYMENT, if that is set
        #[arg(long, value_name = "NAME", conflicts_with = "settings")]
        deployment: Option<String>,
    },
    /// Run the tests of a folder or of a policy set, in the sandbox that policies run in
    Test(crate::policy::test::TestArgs),
    /// Measure what a policy costs for each event, against its limits, a budget or another policy
    Bench(crate::policy::bench::BenchArgs),
    /// Make a key pair to sign policy sets with
    Keygen {
        /// Where to write the private key
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Sign a policy set
    Sign {
        /// The manifest
        set: PathBuf,
        /// The private key: Ed25519 in PKCS#8, as `keygen` or OpenSSL write it
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where to write the signed manifest; by default in its place
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Say whether a policy set is signed by one of these keys, and for which deployments it is
    Verify {
        /// The manifest
        set: PathBuf,
        /// A public key; may be given several times
        #[arg(long = "key", value_name = "KEY", required = true)]
        keys: Vec<String>,
        /// The deployment that the set has to be for
        #[arg(long, value_name = "NAME")]
        deployment: Option<String>,
    },
    /// Check a policy set and push it, with the files that it names, into a registry of OCI artifacts
    Push {
        /// The manifest
        set: PathBuf,
        /// Where to: oci://REGISTRY/REPOSITORY:TAG
        to: String,
        /// The function's configuration, whose targets, ceilings and trusted keys the set has to keep to; without it that
        /// of SIGNALBOX_CONFIG, if that is set
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Push it without a signature, for functions that take such sets
        #[arg(long)]
        allow_unsigned: bool,
    },
    /// Say which rule of the settings decides about a payload, which others hold, and which came closest
    Explain(crate::policy::explain::ExplainArgs),
    /// Find events that two settings decide differently; exit code 1 if there are any
    Diff(crate::policy::diff::DiffArgs),
    /// Find rules that never count, that stand in each other's way, or that match nothing of a catalogue
    Lint(crate::policy::lint::LintArgs),
    /// Show what a component imports and exports
    Inspect {
        /// The component, or `standard` for the built-in policy
        policy: String,
    },
    /// Compile a component ahead of time, for a host without a compiler
    Compile {
        /// The component, or `standard` for the built-in policy
        policy: String,
        /// The machine it is for: `x86_64` or `arm64` (AWS Lambda), `host`, or a target triple
        #[arg(long, default_value = "host")]
        target: String,
        /// Where to write the artifact; by default beside the component, or `standard.cwasm` here
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the JSON Schema of a policy's settings, of sets or of tests, by which editors complete and check them
    Schema {
        /// The component, or `standard` for the built-in policy
        #[arg(default_value = "standard")]
        policy: String,
        /// That of a policy set's manifest, whose policies have such settings
        #[arg(long, conflicts_with = "test")]
        set: bool,
        /// That of a test in a file of its own
        #[arg(long)]
        test: bool,
    },
    /// Make a project: rules or a policy of your own, with tests that pass
    New(crate::policy::new::NewArgs),
    /// Write the digests of the files that a policy set names into its manifest
    Pin {
        /// The manifest
        set: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_the_demo() {
        let args = Args::try_parse_from(["signalbox"]).unwrap();
        assert!(matches!(args.command.unwrap_or_default(), Command::Demo(_)));
    }
}
