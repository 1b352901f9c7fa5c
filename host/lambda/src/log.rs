//! The log: JSON lines on standard output, where Lambda collects them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

use crate::config::LogLevel;

/// Begins to log. A second call does nothing.
///
/// The level is for this project's own lines. Libraries are held at warnings: below that the AWS SDK logs requests
/// with tokens and SQL in them. The runtime's library says nothing that is not said here.
pub fn begin(level: LogLevel) {
    let filter = filter(level);
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false);
    // The only error is that somebody began before.
    let _ = registry().with(lines.with_filter(filter)).try_init();
}

/// Begins to log for somebody at a terminal: plain lines on standard error. A second call does nothing.
pub fn begin_for_people(level: LogLevel) {
    let lines = fmt::layer()
        .compact()
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::io::stderr);
    // The only error is that somebody began before.
    let _ = registry().with(lines.with_filter(filter(level))).try_init();
}

fn filter(level: LogLevel) -> Targets {
    let own = level.filter();
    Targets::new()
        .with_default(own.min(LevelFilter::WARN))
        .with_target("signalbox", own)
        .with_target("lambda_runtime", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_never_say_more_than_warnings() {
        let filter = filter(LogLevel::NotSet);
        assert!(filter.would_enable("signalbox_tasker::task", &Level::TRACE));
        assert!(filter.would_enable("aws_smithy_runtime", &Level::WARN));
        assert!(!filter.would_enable("aws_smithy_runtime", &Level::INFO));
        assert!(!filter.would_enable("hyper_util", &Level::DEBUG));
    }

    #[test]
    fn the_level_holds_for_all() {
        let filter = filter(LogLevel::Error);
        assert!(!filter.would_enable("signalbox_lambda", &Level::WARN));
        assert!(!filter.would_enable("aws_smithy_runtime", &Level::WARN));
        assert!(filter.would_enable("signalbox_lambda", &Level::ERROR));
    }
}
