//! Which calls are allowed, as far as that shows without changing anything: each is made about something that does not
//! exist, and what the service says to that is looked at.

use signalbox_aws::{ObjectError, S3Objects};
use signalbox_lambda::set::manifest::MANIFEST_MAX;
use signalbox_policy::contract::{GetStatementResultRequest, ResultFormat};
use signalbox_tasker::ports::{
    Callbacks, Clock, ExecutionError, Expect, Item, Key, Ledger, LedgerError, Query, SendError,
    ServiceError, ServiceErrorKind, TaskToken, Warehouse, Write, WriteError,
};

use super::finding::{Finding, State};

/// No statement has this id.
const NO_STATEMENT: &str = "00000000-0000-0000-0000-000000000000";
/// Nobody waits under this token, no item has this key, no statement this name.
const NOTHING: &str = "signalbox-doctor";

/// What a call came to.
enum Tried {
    Allowed,
    Denied(String),
    /// It failed otherwise.
    Unclear(String),
}

/// Whether a target's Data API may be asked. That a statement may be started shows only when one is.
pub(super) async fn target(warehouse: &dyn Warehouse, target: &str) -> Finding {
    let result = GetStatementResultRequest {
        id: NO_STATEMENT.to_owned(),
        target: None,
        next_token: None,
        result_format: ResultFormat::Json,
        wait_seconds: None,
    };
    let tried = [
        (
            "redshift-data:DescribeStatement",
            statement(warehouse.describe(target, NO_STATEMENT, None).await),
        ),
        (
            "redshift-data:CancelStatement",
            statement(warehouse.cancel(target, NO_STATEMENT).await),
        ),
        (
            "redshift-data:GetStatementResult",
            statement(warehouse.result(target, &result).await),
        ),
        (
            "redshift-data:ListStatements",
            match warehouse.list_named(target, NOTHING, None).await {
                Ok(_) => Tried::Allowed,
                Err(error) => statement::<()>(Err(error)),
            },
        ),
    ];
    finding(
        format!("target {target}"),
        &tried,
        "the function's role, or to the target's role_arn",
        "; ExecuteStatement and BatchExecuteStatement show only when SQL is run",
    )
}

/// Of a call about a statement that does not exist.
fn statement<T>(reply: Result<T, ServiceError>) -> Tried {
    match reply {
        Err(error) => match error.kind {
            ServiceErrorKind::NotFound | ServiceErrorKind::Invalid => Tried::Allowed,
            ServiceErrorKind::Denied => Tried::Denied(error.to_string()),
            _ => Tried::Unclear(error.to_string()),
        },
        Ok(_) => Tried::Unclear("a statement that cannot exist was found".to_owned()),
    }
}

/// Whether tasks may be answered and executions described. `execution` is the ARN of one that does not exist; none where
/// the account is not known.
pub(super) async fn step_functions(callbacks: &dyn Callbacks, execution: Option<&str>) -> Finding {
    let token = TaskToken::new(NOTHING);
    let sent = |reply| match reply {
        Err(SendError::Closed { .. } | SendError::Refused { .. }) => Tried::Allowed,
        Err(error @ SendError::Denied { .. }) => Tried::Denied(error.to_string()),
        Err(error) => Tried::Unclear(error.to_string()),
        Ok(()) => Tried::Unclear("an answer to nobody was taken".to_owned()),
    };
    let describe = match execution {
        None => Tried::Unclear(
            "the account is not known, without which no execution can be asked for".to_owned(),
        ),
        Some(arn) => match callbacks.describe_execution(arn).await {
            Err(ExecutionError::Unknown { .. }) => Tried::Allowed,
            Err(error @ ExecutionError::Denied { .. }) => Tried::Denied(error.to_string()),
            Err(error) => Tried::Unclear(error.to_string()),
            Ok(_) => Tried::Unclear("an execution that cannot exist was found".to_owned()),
        },
    };
    let tried = [
        (
            "states:SendTaskSuccess",
            sent(callbacks.succeed(&token, "{}").await),
        ),
        (
            "states:SendTaskFailure",
            sent(callbacks.fail(&token, None, None).await),
        ),
        (
            "states:SendTaskHeartbeat",
            sent(callbacks.heartbeat(&token).await),
        ),
        ("states:DescribeExecution", describe),
    ];
    finding(
        "step functions".to_owned(),
        &tried,
        "the function's role",
        "",
    )
}

/// Whether items may be read and written: of a key that no item has, on conditions that do not hold.
pub(super) async fn ledger(ledger: &dyn Ledger, clock: &dyn Clock) -> Finding {
    let now = clock.now().as_second();
    let key = || Key::new(NOTHING, NOTHING);
    let read = |reply: Result<(), LedgerError>| match reply {
        Ok(()) => Tried::Allowed,
        Err(error @ LedgerError::Refused(_)) => Tried::Denied(error.to_string()),
        Err(error) => Tried::Unclear(error.to_string()),
    };
    let written = |reply: Result<(), WriteError>| match reply {
        Err(WriteError::Conflict(_)) => Tried::Allowed,
        Err(WriteError::Ledger(error)) => read(Err(error)),
        Err(error) => Tried::Unclear(error.to_string()),
        Ok(()) => Tried::Unclear("a condition that cannot hold held".to_owned()),
    };
    let query = Query {
        id: NOTHING.to_owned(),
        after: None,
        up_to: None,
        descending: false,
        limit: 1,
    };
    let put = Write::Put {
        item: Item {
            key: key(),
            revision: 2,
            expires_at: Some(0),
            body: serde_json::Map::new(),
        },
        expect: Expect::Revision(1),
    };
    let delete = Write::Delete {
        key: key(),
        expect: Expect::Revision(1),
    };
    let tried = [
        (
            "dynamodb:GetItem",
            read(ledger.get(now, &key()).await.map(drop)),
        ),
        (
            "dynamodb:Query",
            read(ledger.query(now, &query).await.map(drop)),
        ),
        (
            "dynamodb:PutItem",
            written(ledger.write(now, vec![put]).await),
        ),
        (
            "dynamodb:DeleteItem",
            written(ledger.write(now, vec![delete]).await),
        ),
    ];
    finding(
        "records".to_owned(),
        &tried,
        "the function's role, on the table",
        "",
    )
}

/// Whether records may be written below a prefix.
pub(super) async fn decision_records(objects: &S3Objects, bucket: &str, prefix: &str) -> Finding {
    let folder = if prefix.is_empty() {
        String::new()
    } else {
        format!("{prefix}/")
    };
    let written = objects.may_put(bucket, &format!("{folder}{NOTHING}")).await;
    finding(
        "decision records".to_owned(),
        &[("s3:PutObject", object(written))],
        &format!("the function's role, on arn:aws:s3:::{bucket}/{folder}*"),
        "; a key of KMS that the bucket may have shows only when one is written",
    )
}

/// Whether the manifest of a policy set may be read. What it names is beside it.
pub(super) async fn policy_set(objects: &S3Objects, bucket: &str, key: &str) -> Finding {
    let read = objects.get(bucket, key, None, MANIFEST_MAX).await;
    let folder = key.rfind('/').and_then(|at| key.get(..=at));
    finding(
        "policy set".to_owned(),
        &[("s3:GetObject", object(read.map(drop)))],
        &format!(
            "the function's role, on arn:aws:s3:::{bucket}/{}*",
            folder.unwrap_or_default()
        ),
        "",
    )
}

fn object(tried: Result<(), ObjectError>) -> Tried {
    match tried {
        Ok(()) => Tried::Allowed,
        Err(error @ ObjectError::Refused { status: 403, .. }) => Tried::Denied(error.to_string()),
        Err(error) => Tried::Unclear(error.to_string()),
    }
}

fn finding(check: String, tried: &[(&str, Tried)], whom: &str, remark: &str) -> Finding {
    let denied: Vec<_> = tried
        .iter()
        .filter_map(|(action, tried)| match tried {
            Tried::Denied(why) => Some((*action, why)),
            _ => None,
        })
        .collect();
    let actions: Vec<_> = denied.iter().map(|(action, _)| *action).collect();
    if let Some((_, why)) = denied.first() {
        return Finding::new(
            check,
            State::Mend,
            format!("not allowed: {}. {why}", actions.join(", ")),
        )
        .mend(format!(
            "allow {} to {whom} (docs/deploy.md)",
            actions.join(", ")
        ));
    }
    let unclear = tried.iter().find_map(|(action, tried)| match tried {
        Tried::Unclear(why) => Some(format!("{action}: {why}")),
        _ => None,
    });
    match unclear {
        Some(why) => Finding::new(check, State::Unknown, why),
        None => {
            let actions: Vec<_> = tried.iter().map(|(action, _)| *action).collect();
            Finding::new(
                check,
                State::Good,
                format!("allowed: {}{remark}", actions.join(", ")),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use signalbox_tasker::ports::{Execution, ExecutionStatus, Page, SystemClock};

    use super::*;

    /// Says the same to everything.
    struct Says(Result<(), SendError>);

    #[async_trait]
    impl Callbacks for Says {
        async fn succeed(&self, _: &TaskToken, _: &str) -> Result<(), SendError> {
            self.0.clone()
        }

        async fn fail(
            &self,
            _: &TaskToken,
            _: Option<&str>,
            _: Option<&str>,
        ) -> Result<(), SendError> {
            self.0.clone()
        }

        async fn heartbeat(&self, _: &TaskToken) -> Result<(), SendError> {
            self.0.clone()
        }

        async fn describe_execution(&self, _: &str) -> Result<Execution, ExecutionError> {
            match &self.0 {
                Ok(()) => Ok(Execution {
                    status: ExecutionStatus::Running,
                    stopped_at: None,
                }),
                Err(SendError::Denied { code, message }) => Err(ExecutionError::Denied {
                    code: code.clone(),
                    message: message.clone(),
                }),
                Err(_) => Err(ExecutionError::Unknown {
                    code: "InvalidArn".to_owned(),
                }),
            }
        }
    }

    /// A ledger that reads, or not, and takes writes, or not.
    struct Table(Result<(), LedgerError>, Result<(), WriteError>);

    #[async_trait]
    impl Ledger for Table {
        async fn get(&self, _: i64, _: &Key) -> Result<Option<Item>, LedgerError> {
            self.0.clone().map(|()| None)
        }

        async fn write(&self, _: i64, _: Vec<Write>) -> Result<(), WriteError> {
            self.1.clone()
        }

        async fn query(&self, _: i64, _: &Query) -> Result<Page, LedgerError> {
            self.0.clone().map(|()| Page::default())
        }
    }

    #[tokio::test]
    async fn a_denied_answer_is_named_and_a_taken_one_is_odd() {
        let closed = Says(Err(SendError::Closed {
            code: "InvalidToken".to_owned(),
        }));
        let good = step_functions(&closed, Some("arn")).await;
        assert_eq!(good.state, State::Good, "{good:?}");
        let no_account = step_functions(&closed, None).await;
        assert_eq!(no_account.state, State::Unknown, "{no_account:?}");

        let denied = SendError::Denied {
            code: "AccessDenied".to_owned(),
            message: "no".to_owned(),
        };
        let denied = step_functions(&Says(Err(denied)), Some("arn")).await;
        assert_eq!(denied.state, State::Mend);
        for action in [
            "SendTaskSuccess",
            "SendTaskFailure",
            "SendTaskHeartbeat",
            "DescribeExecution",
        ] {
            assert!(denied.mend[0].contains(action), "{denied:?}");
        }
        assert_eq!(
            step_functions(&Says(Ok(())), Some("arn")).await.state,
            State::Unknown
        );
    }

    #[tokio::test]
    async fn a_table_that_may_be_read_and_not_written_is_to_be_mended() {
        let conflict = || Err(WriteError::Conflict(vec![0]));
        let refused = || LedgerError::Refused("AccessDeniedException".to_owned());
        let lost = || LedgerError::Unavailable("no reply".to_owned());
        for (table, state) in [
            (Table(Ok(()), conflict()), State::Good),
            (Table(Ok(()), Err(refused().into())), State::Mend),
            (Table(Err(refused()), conflict()), State::Mend),
            (Table(Err(lost()), conflict()), State::Unknown),
            // A condition that cannot hold did: then nothing is known of that table.
            (Table(Ok(()), Ok(())), State::Unknown),
        ] {
            let found = ledger(&table, &SystemClock).await;
            assert_eq!(found.state, state, "{found:?}");
        }
        let read_only = ledger(&Table(Ok(()), Err(refused().into())), &SystemClock).await;
        assert!(
            read_only
                .found
                .starts_with("not allowed: dynamodb:PutItem, dynamodb:DeleteItem"),
            "{read_only:?}"
        );
    }
}
