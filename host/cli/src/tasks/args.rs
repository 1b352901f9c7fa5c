//! The command line of `signalbox tasks`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use signalbox_tasker::{
    operate::{Filter, TaskName},
    record::Phase,
};

use crate::settings::Settings;

/// Look after the tasks of a deployment
#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// List the open tasks, the oldest first
    List(Listing),
    /// Show one task, or those of an execution, and what Redshift says of it now
    Show {
        #[command(flatten)]
        task: Naming,
    },
    /// Have the statement of a task cancelled; the task is told what really happened
    Cancel {
        #[command(flatten)]
        task: Naming,
        /// How long to go on asking until Redshift reports an end
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        wait: u64,
    },
    /// Do now for one task what the sweep would do: ask Redshift, decide by the policy, answer
    Settle {
        #[command(flatten)]
        task: Naming,
    },
}

/// Which task.
#[derive(Debug, Args)]
pub(crate) struct Naming {
    /// A statement's id, a record's id or its first digits, a statement's name, or an execution's ARN
    pub(crate) task: TaskName,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Which open tasks.
#[derive(Debug, Args)]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Only those of this execution
    #[arg(long, value_name = "ARN")]
    execution: Option<String>,
    /// Only those recorded at least so long ago: 90s, 10m, 2h, 1d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: Option<Duration>,
    /// Only those in these phases
    #[arg(long, value_delimiter = ',')]
    phase: Vec<OpenPhase>,
    /// Only those of this policy
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
}

/// The phases of an open task.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OpenPhase {
    /// Recorded; Redshift was not asked
    Reserved,
    /// Redshift is being asked; the statement's id is not known
    Starting,
    /// The statement was started
    Started,
    /// The answer is decided, and not known to be taken
    Decided,
}

impl Listing {
    pub(crate) fn filter(&self) -> Filter {
        let phase = |phase: &OpenPhase| match phase {
            OpenPhase::Reserved => Phase::Reserved,
            OpenPhase::Starting => Phase::Starting,
            OpenPhase::Started => Phase::Started,
            OpenPhase::Decided => Phase::Decided,
        };
        Filter {
            execution_arn: self.execution.clone(),
            older_than: self.older_than,
            phases: self.phase.iter().map(phase).collect(),
            policy: self.policy.clone(),
        }
    }
}

/// Reads a time such as `10m`; without a unit it is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => 0,
    };
    digits
        .parse::<u64>()
        .ok()
        .filter(|_| seconds > 0)
        .and_then(|count| count.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "give a whole number with s, m, h or d, such as 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_odd_ones_refused() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("10m", 600),
            ("2h", 7_200),
            ("1d", 86_400),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "m",
            "10x",
            "-1s",
            "1.5h",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
