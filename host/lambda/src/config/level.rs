//! Log levels under Python's names.

use tracing::level_filters::LevelFilter;

/// How much is logged. The original is Python, so the names are Python's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// `NOTSET`: everything.
    NotSet,
    /// `DEBUG`.
    Debug,
    /// `INFO`.
    #[default]
    Info,
    /// `WARNING` or `WARN`.
    Warning,
    /// `ERROR`.
    Error,
    /// `CRITICAL` or `FATAL`. There is nothing above an error here: the same as `ERROR`.
    Critical,
}

impl LogLevel {
    /// The names that [`LogLevel::parse`] takes.
    pub const NAMES: [&str; 8] = [
        "NOTSET", "DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL",
    ];

    /// Reads a name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "NOTSET" => Self::NotSet,
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" | "WARN" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" | "FATAL" => Self::Critical,
            _ => return None,
        })
    }

    /// The filter of the host's own log.
    #[must_use]
    pub fn filter(self) -> LevelFilter {
        match self {
            Self::NotSet => LevelFilter::TRACE,
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warning => LevelFilter::WARN,
            Self::Error | Self::Critical => LevelFilter::ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_python_is_known_in_any_case() {
        for name in LogLevel::NAMES {
            assert!(LogLevel::parse(name).is_some(), "{name}");
            assert_eq!(LogLevel::parse(&name.to_lowercase()), LogLevel::parse(name));
        }
        assert_eq!(LogLevel::parse("TRACE"), None);
        assert_eq!(LogLevel::parse(""), None);
        assert_eq!(LogLevel::parse("10"), None);
    }

    #[test]
    fn the_levels_are_in_order() {
        let all = [
            LogLevel::NotSet,
            LogLevel::Debug,
            LogLevel::Info,
            LogLevel::Warning,
            LogLevel::Error,
        ];
        assert!(
            all.windows(2)
                .all(|pair| pair[0].filter() > pair[1].filter())
        );
    }
}
