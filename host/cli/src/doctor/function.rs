//! The function itself, and whether its settings are those that were read here.

use signalbox_aws::surroundings::{Function, LookError};
use signalbox_lambda::Config;

use super::finding::{Finding, State};

const CHECK: &str = "function";
/// The original's time-out. A start that waits and its answer fit into it.
const TIMEOUT: u32 = 29;
/// The runtimes that run an executable.
const RUNTIMES: &str = "provided.";

/// What is to be said of the function. `reserved` is how many invocations there may be at once, if that is reserved.
pub(super) fn function(
    name: &str,
    looked: &Result<Option<Function>, LookError>,
    reserved: &Result<Option<u32>, LookError>,
) -> Finding {
    let function = match looked {
        Err(error) => return Finding::unseen(CHECK, error),
        Ok(None) => {
            return Finding::new(
                CHECK,
                State::Mend,
                format!("there is no function `{name}` in this account and region"),
            )
            .mend("say its name with --function, and its region with AWS_REGION");
        }
        Ok(Some(function)) => function,
    };
    let runtime = function.runtime.as_deref();
    let found = format!(
        "`{name}`, {}, time-out {} s",
        runtime.unwrap_or("a container"),
        function.timeout
    );
    let mut finding = Finding::new(CHECK, State::Good, found);
    if runtime.is_some_and(|runtime| !runtime.starts_with(RUNTIMES)) {
        finding = finding.and(
            State::Mend,
            "`bootstrap` is an executable for the runtime provided.al2023; this is another program",
            None,
        );
    }
    if function.timeout < TIMEOUT {
        finding = finding.and(
            State::Mend,
            format!("it needs {TIMEOUT} s"),
            Some(format!("aws lambda update-function-configuration --function-name {name} --timeout {TIMEOUT}")),
        );
    }
    if let Some(trouble) = &function.trouble {
        finding = finding.and(State::Mend, trouble, None);
    }
    let free = || {
        Some(format!(
            "aws lambda delete-function-concurrency --function-name {name}"
        ))
    };
    match reserved {
        Err(error) => finding.and_unseen(error),
        Ok(Some(0)) => finding.and(State::Mend, "no invocation is let in: its reserved concurrency is 0", free()),
        Ok(Some(1)) => finding.and(
            State::Mend,
            "its reserved concurrency is 1, as the original's: starts, ends and the sweep wait for each other",
            free(),
        ),
        Ok(_) => finding,
    }
}

/// Whether the function's own settings can be read, and are those that were looked at here.
pub(super) fn settings(name: &str, function: &Function, here: &Config) -> Finding {
    const CHECK: &str = "function settings";
    let mut environment = match &function.environment {
        Err(why) => {
            let found = format!("the function's environment is not shown: {why}");
            return Finding::new(CHECK, State::Unknown, found)
                .mend("allow kms:Decrypt with the function's key to whoever runs this");
        }
        Ok(environment) => environment.clone(),
    };
    environment.insert("AWS_LAMBDA_FUNCTION_NAME".to_owned(), name.to_owned());
    // Its file is in its package. Whoever has the same here gives it.
    let named = environment
        .get("SIGNALBOX_CONFIG")
        .filter(|path| !path.trim().is_empty());
    if let (Some(path), None) = (named, &here.file) {
        let found = format!("its file {path} is in its package, and none was given here");
        return Finding::new(CHECK, State::Unknown, found).mend("give the same file with --config");
    }
    let read = Config::read(&environment, &|_| match &here.file {
        Some(file) => std::fs::read_to_string(file),
        None => Err(std::io::ErrorKind::NotFound.into()),
    });
    let theirs = match read {
        Ok(theirs) => theirs,
        Err(error) => {
            return Finding::new(
                CHECK,
                State::Mend,
                format!("the function does not start: {error}"),
            )
            .mend("docs/config.md is the reference of all settings");
        }
    };
    let differing: Vec<_> = [
        ("deployment", theirs.deployment != here.deployment),
        ("table", theirs.ledger != here.ledger),
        ("targets", theirs.targets != here.targets),
        (
            "default target",
            theirs.default_target != here.default_target,
        ),
        ("policies", !theirs.policies.keys().eq(here.policies.keys())),
        ("policy set", theirs.policy_set != here.policy_set),
        (
            "default policy",
            theirs.default_policy != here.default_policy,
        ),
        ("sweep", theirs.sweep != here.sweep),
    ]
    .into_iter()
    .filter_map(|(what, differs)| differs.then_some(what))
    .collect();
    if differing.is_empty() {
        Finding::new(CHECK, State::Good, "they are those that were read here")
    } else {
        let found = format!(
            "they differ from those that were read here: {}",
            differing.join(", ")
        );
        Finding::new(CHECK, State::Mend, found)
            .mend("run this with the function's own environment, or mend the function's: what is said above is of other settings")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(table: &str) -> BTreeMap<String, String> {
        [
            ("CLUSTER_IDENTIFIER", "c"),
            ("DATABASE", "dev"),
            ("DB_USER", "u"),
            ("DDB_TABLE_NAME", table),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn tasker() -> Function {
        Function {
            arn: "arn:aws:lambda:eu-west-1:1:function:tasker".to_owned(),
            runtime: Some("provided.al2023".to_owned()),
            timeout: 29,
            trouble: None,
            environment: Ok(environment("tasks")),
        }
    }

    fn denied() -> LookError {
        LookError::Denied {
            action: "lambda:GetFunctionConcurrency",
            code: "AccessDeniedException".to_owned(),
            message: "no".to_owned(),
        }
    }

    fn here(table: &str) -> Config {
        let mut environment = environment(table);
        environment.insert("SIGNALBOX_DEPLOYMENT".to_owned(), "tasker".to_owned());
        Config::read(&environment, &|_| Err(std::io::ErrorKind::NotFound.into())).expect("good")
    }

    #[test]
    fn a_function_is_good_or_what_ails_it_is_said() {
        let good = function("tasker", &Ok(Some(tasker())), &Ok(Some(10)));
        assert_eq!(good.state, State::Good, "{good:?}");
        let original = Function {
            runtime: Some("python3.8".to_owned()),
            timeout: 3,
            trouble: Some("it is Failed".to_owned()),
            ..tasker()
        };
        let bad = function("tasker", &Ok(Some(original)), &Ok(Some(1)));
        assert_eq!(bad.state, State::Mend);
        for part in [
            "python3.8",
            "another program",
            "needs 29 s",
            "it is Failed",
            "concurrency is 1",
        ] {
            assert!(bad.found.contains(part), "{part}: {bad:?}");
        }
        for (looked, reserved, state) in [
            (Ok(None), Ok(None), State::Mend),
            (Ok(Some(tasker())), Ok(Some(0)), State::Mend),
            (Ok(Some(tasker())), Err(denied()), State::Unknown),
            (Err(denied()), Ok(None), State::Unknown),
        ] {
            assert_eq!(
                function("tasker", &looked, &reserved).state,
                state,
                "{looked:?} {reserved:?}"
            );
        }
    }

    #[test]
    fn settings_that_differ_are_named_and_those_that_are_not_seen_are_not_good() {
        assert_eq!(
            settings("tasker", &tasker(), &here("tasks")).state,
            State::Good
        );
        let other = settings("tasker", &tasker(), &here("others"));
        assert_eq!(other.state, State::Mend);
        assert!(other.found.ends_with(": table"), "{other:?}");
        let renamed = settings("elsewhere", &tasker(), &here("tasks"));
        assert!(renamed.found.ends_with(": deployment"), "{renamed:?}");

        let with = |name: &str, value: &str| {
            let mut environment = environment("tasks");
            environment.insert(name.to_owned(), value.to_owned());
            let function = Function {
                environment: Ok(environment),
                ..tasker()
            };
            settings("tasker", &function, &here("tasks"))
        };
        let broken = with("TTL", "soon");
        assert_eq!(broken.state, State::Mend);
        assert!(broken.found.contains("TTL"), "{broken:?}");
        let file = with("SIGNALBOX_CONFIG", "signalbox.toml");
        assert_eq!(file.state, State::Unknown, "{file:?}");
        let hidden = Function {
            environment: Err("no key".to_owned()),
            ..tasker()
        };
        assert_eq!(
            settings("tasker", &hidden, &here("tasks")).state,
            State::Unknown
        );
    }
}
