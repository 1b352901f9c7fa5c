//! What a compiler is asked, as arguments of its process.

use std::ffi::OsString;

use crate::{
    engine::{Metering, Target},
    limits::CompileLimits,
};

/// The first argument of a program that is to be the compiler.
const ARGUMENT: &str = "compile-one-component";

/// What is asked of a compiler, beside the component on its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) metering: Metering,
    pub(super) limits: CompileLimits,
    pub(super) target: Target,
}

impl Request {
    pub(super) fn arguments(&self) -> [String; 5] {
        let metering = match self.metering {
            Metering::Off => "off",
            Metering::Fuel => "fuel",
        };
        [
            ARGUMENT.to_owned(),
            metering.to_owned(),
            self.limits.seconds.to_string(),
            self.limits.memory.to_string(),
            self.target.to_string(),
        ]
    }

    /// Reads a program's arguments: none if they ask for something else, an error if they ask a compiler wrongly.
    pub(super) fn read(
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Option<Result<Self, String>> {
        (arguments.next()? == ARGUMENT).then(|| {
            let texts: Option<Vec<String>> =
                arguments.map(|text| text.into_string().ok()).collect();
            texts
                .as_deref()
                .and_then(Self::of)
                .ok_or_else(|| format!("the arguments of `{ARGUMENT}` are wrong"))
        })
    }

    fn of(arguments: &[String]) -> Option<Self> {
        let [metering, seconds, memory, target] = arguments else {
            return None;
        };
        Some(Self {
            metering: match metering.as_str() {
                "off" => Metering::Off,
                "fuel" => Metering::Fuel,
                _ => return None,
            },
            limits: CompileLimits {
                seconds: seconds.parse().ok()?,
                memory: memory.parse().ok()?,
            },
            target: target.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Option<Result<Request, String>> {
        Request::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        for metering in [Metering::Off, Metering::Fuel] {
            let request = Request {
                metering,
                limits: CompileLimits {
                    seconds: 7,
                    memory: 1 << 40,
                },
                target: Target::host(),
            };
            let arguments = request.arguments();
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            assert_eq!(read(&arguments), Some(Ok(request)));
        }
    }

    #[test]
    fn other_arguments_ask_for_something_else_and_broken_ones_for_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["policy", "check"]), None);
        for broken in [
            &[ARGUMENT][..],
            &[ARGUMENT, "off", "1", "2"],
            &[ARGUMENT, "on", "1", "2", "host"],
            &[ARGUMENT, "off", "-1", "2", "host"],
            &[ARGUMENT, "off", "1", "2", "vax"],
            &[ARGUMENT, "off", "1", "2", "host", "more"],
        ] {
            assert!(matches!(read(broken), Some(Err(_))), "{broken:?}");
        }
    }
}
