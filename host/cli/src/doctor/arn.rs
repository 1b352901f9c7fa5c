//! ARNs, as far as they say where an event goes.

/// What an ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing<'a> {
    Function {
        name: &'a str,
        /// The version or alias.
        qualifier: Option<&'a str>,
    },
    Queue {
        account: &'a str,
        name: &'a str,
    },
    Other,
}

pub(super) fn thing(arn: &str) -> Thing<'_> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", _, _, "function", name] => Thing::Function {
            name,
            qualifier: None,
        },
        ["arn", _, "lambda", _, _, "function", name, qualifier] => Thing::Function {
            name,
            qualifier: Some(qualifier),
        },
        ["arn", _, "sqs", _, account, name] => Thing::Queue { account, name },
        _ => Thing::Other,
    }
}

/// Whether it is a function of this name, or a version or alias of it.
pub(super) fn is_function(arn: &str, wanted: &str) -> bool {
    matches!(thing(arn), Thing::Function { name, .. } if name == wanted)
}

/// The ARN of an execution that does not exist, where another thing is.
pub(super) fn no_execution(beside: &str) -> Option<String> {
    let mut parts = beside.split(':');
    let (Some("arn"), Some(partition), Some(_), Some(region), Some(account)) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return None;
    };
    let known = !region.is_empty() && !account.is_empty();
    known.then(|| {
        format!(
            "arn:{partition}:states:{region}:{account}:execution:signalbox-doctor:signalbox-doctor"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_told_apart() {
        let function = "arn:aws:lambda:eu-west-1:1:function:tasker";
        assert_eq!(
            thing(function),
            Thing::Function {
                name: "tasker",
                qualifier: None
            }
        );
        let alias = format!("{function}:live");
        assert_eq!(
            thing(&alias),
            Thing::Function {
                name: "tasker",
                qualifier: Some("live")
            }
        );
        assert!(is_function(&alias, "tasker") && !is_function(&alias, "task"));
        assert_eq!(
            thing("arn:aws:sqs:eu-west-1:1:q"),
            Thing::Queue {
                account: "1",
                name: "q"
            }
        );
        assert_eq!(thing("arn:aws:logs:eu-west-1:1:log-group:x"), Thing::Other);
        assert_eq!(
            no_execution(function).as_deref(),
            Some("arn:aws:states:eu-west-1:1:execution:signalbox-doctor:signalbox-doctor")
        );
        assert_eq!(
            (no_execution("tasks"), no_execution("arn:aws:s3:::b")),
            (None, None)
        );
    }
}
