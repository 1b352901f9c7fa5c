//! What becomes of policies of one version of the contract on a host of another.

// Helpers of tests fail loudly too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod made_up;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use signalbox_test_guests::{
    KEPT,
    caller::{self, Caller, Contract},
};
use tokio::time::Instant;
use wasmtime::component::HasSelf;

use super::{ALL, Functions, Generation, Version};
use crate::{
    Answer, CallContext, ComponentPolicy, Denied, EngineOptions, Limits, LoadError, Loading,
    Policy, PolicyEngine, ServiceCall, ServiceReply, Services, Source,
    contract::{
        CancelledStatement, Closing, ClosingReason, Failure, Invocation, OnStop, OutputShape,
        ResultFormat, Settlement, Source as Came, StartedStatement, StatementDescription,
        StatementFacts, StatementList, StatementResult, StatementStatus, UnknownFields, Waiter,
    },
    functions,
    instance::state::State,
};

/// What stages an answer, and reaches nothing.
const STAGED: &[&str] = &["callbacks/task.succeed", "callbacks/task.fail"];

/// What cannot fail, since it tells or takes what belongs to the call itself.
const FREE: &[&str] = &["callbacks/task.waiter", "clock/now", "log/write"];

fn folder(version: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    match version {
        "0.1.0" => here.join("../../wit"),
        other => here.join("tests/contract").join(other),
    }
}

fn contract(version: &str) -> Contract {
    let contract = caller::contract(&folder(version));
    assert_eq!(contract.version, version);
    contract
}

/// What a host says of a generation, read from the contract's files.
fn imports(version: &str) -> &'static [Functions] {
    let imports = contract(version).imports.into_iter();
    let leaked = imports.map(|(interface, functions)| {
        let functions: Vec<&'static str> =
            functions.into_iter().map(|name| &*name.leak()).collect();
        (&*interface.leak(), &*functions.leak())
    });
    Vec::leak(leaked.collect())
}

macro_rules! generation {
    ($module:ident, $version:literal) => {
        Generation {
            version: Version::read($version).unwrap(),
            imports: imports($version),
            exports: ALL[0].exports,
            link: |linker| {
                made_up::$module::Policy::add_to_linker::<State, HasSelf<State>>(linker, |state| {
                    state
                })
            },
            prepare: |instance| Ok(Box::new(made_up::$module::PolicyPre::new(instance)?)),
        }
    };
}

/// This host; one whose contract has grown; one whose contract has changed, and that has the old one too.
fn hosts() -> [(&'static str, PolicyEngine, &'static [&'static str]); 3] {
    let grown: &'static [Generation] = vec![generation!(v0_1_1, "0.1.1")].leak();
    let changed: &'static [Generation] =
        vec![generation!(v0_2, "0.2.0"), generation!(since_v0_1, "0.1.0")].leak();
    let engine = |generations| {
        let cache = std::env::temp_dir().join("signalbox-tests-of-generations");
        let options = EngineOptions {
            cache: Some(cache),
            ..EngineOptions::default()
        };
        PolicyEngine::of(options, generations).unwrap()
    };
    [
        ("0.1.0", engine(ALL), &["0.1.0"]),
        ("0.1.1", engine(grown), &["0.1.0", "0.1.1"]),
        ("0.2.0", engine(changed), &["0.1.0", "0.2.0"]),
    ]
}

async fn load(
    engine: &PolicyEngine,
    code: &[u8],
    settings: &str,
) -> Result<ComponentPolicy, LoadError> {
    engine
        .load(Loading {
            name: "team".to_owned(),
            source: Source::Component(code.to_owned().into()),
            settings: settings.to_owned(),
            limits: Limits::default(),
            redact: None,
        })
        .await
}

fn context(services: Arc<dyn Services>) -> CallContext {
    CallContext {
        services,
        now: 1_700_000_000_000,
        deadline: Instant::now() + Duration::from_secs(30),
    }
}

fn invocation() -> Invocation {
    Invocation {
        request_id: "request".to_owned(),
        source: Came::Invocation,
        payload: "{}".to_owned(),
        execution_arn: None,
        function_arn: None,
        targets: vec!["default".to_owned()],
        unknown_fields: UnknownFields::Warn,
    }
}

/// What came of the call: the code of its failure, or `called`.
async fn call(policy: &ComponentPolicy, services: Arc<dyn Services>) -> String {
    let invoked = policy
        .invoke(context(services), invocation(), Some(Waiter::StepFunctions))
        .await;
    match invoked {
        Ok(invoked) => match invoked.reply {
            Ok(_) => "called".to_owned(),
            Err(rejection) => rejection.error,
        },
        // A policy whose call was taken returns with the task unanswered, which is a fault of its own.
        Err(fault)
            if fault
                .message
                .contains("neither bound to a statement nor answered") =>
        {
            "called".to_owned()
        }
        Err(fault) => fault.to_string(),
    }
}

/// What a host says of itself is what is in its contract.
#[test]
fn the_newest_generation_is_the_contract_in_wit() {
    let newest = &ALL[0];
    let contract = contract(&newest.version.to_string());
    let said: Vec<(String, Vec<String>)> = newest
        .imports
        .iter()
        .map(|(interface, functions)| {
            let functions = functions.iter().map(|name| (*name).to_owned());
            ((*interface).to_owned(), functions.collect())
        })
        .collect();
    let sorted = |mut imports: Vec<(String, Vec<String>)>| {
        imports.sort();
        imports
    };
    assert_eq!(sorted(said), sorted(contract.imports));
    assert_eq!(newest.exports, contract.exports);
    assert!(
        KEPT.iter().any(|(version, _)| *version == contract.version),
        "no policy is kept that was built for {}: run tests/guests/kept/rebuild and add it to KEPT",
        contract.version
    );
}

/// Every function of every import, as the contract's files of each version list them, on every host that has the
/// version: where nothing is granted nothing is reached.
#[tokio::test]
async fn every_import_of_every_version_is_refused_where_nothing_is_granted() {
    let mut tried = 0;
    for (host, engine, versions) in hosts() {
        for version in versions {
            for caller in contract(version).callers {
                let name = caller.name();
                let policy = load(&engine, &caller.component, "{}").await;
                let policy = policy.unwrap_or_else(|error| panic!("{name}: {error}"));
                let came = call(&policy, Arc::new(Denied)).await;
                let expected = match () {
                    () if STAGED.contains(&&*name) => ["InvalidRequest", "called"],
                    () if FREE.contains(&&*name) => ["called", "called"],
                    () if caller.fails => ["NotGranted", "NotGranted"],
                    () => panic!(
                        "{name} cannot fail, so it cannot be refused: is it free for every policy? Then say so in FREE"
                    ),
                };
                assert!(
                    expected.contains(&&*came),
                    "{name} of {version} on a host of {host}: {came}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Services that take everything and write it down.
#[derive(Default)]
struct Taking {
    sql: Mutex<Vec<String>>,
    calls: Mutex<Vec<&'static str>>,
}

impl Taking {
    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }
}

fn described(id: &str, status: StatementStatus) -> StatementDescription {
    StatementDescription {
        id: id.to_owned(),
        status,
        error: Some("Oops".to_owned()),
        duration_ns: Some(1),
        has_result_set: true,
        result_rows: Some(1),
        result_size: Some(1),
        result_format: ResultFormat::Json,
        session_id: None,
        created_at: Some(1),
        updated_at: None,
        sub_statements: Vec::new(),
        document: r#"{"Status":"FINISHED"}"#.to_owned(),
    }
}

fn started() -> StartedStatement {
    StartedStatement {
        id: "started".to_owned(),
        target: "default".to_owned(),
        status: StatementStatus::Submitted,
        session_id: None,
        has_result_set: None,
        document: "{}".to_owned(),
    }
}

#[async_trait]
impl Services for Taking {
    async fn call(&self, call: ServiceCall) -> Result<ServiceReply, Failure> {
        self.note(functions::name(call.function()));
        Ok(match call {
            ServiceCall::ExecuteStatement { request, .. } => {
                self.sql.lock().unwrap().push(request.sql);
                ServiceReply::Started(started())
            }
            ServiceCall::BatchExecuteStatement { request, .. } => {
                self.sql.lock().unwrap().extend(request.sqls);
                ServiceReply::Started(started())
            }
            ServiceCall::DescribeStatement(request) => {
                ServiceReply::Description(described(&request.id, StatementStatus::Started))
            }
            ServiceCall::CancelStatement(_) => ServiceReply::Cancelled(CancelledStatement {
                status: true,
                document: "{}".to_owned(),
            }),
            ServiceCall::GetStatementResult(_) => ServiceReply::Result(StatementResult {
                next_token: None,
                total_rows: 0,
                document: "{}".to_owned(),
            }),
            ServiceCall::ListStatements(_) => ServiceReply::List(StatementList {
                next_token: None,
                document: "{}".to_owned(),
            }),
            ServiceCall::Latest(_) => ServiceReply::Latest(None),
            ServiceCall::Heartbeat => ServiceReply::Heartbeat,
        })
    }
}

fn facts(memo: &str) -> StatementFacts {
    StatementFacts {
        record_id: "record".to_owned(),
        statement_id: "started".to_owned(),
        statement_name: "sbx-test:record".to_owned(),
        target: "default".to_owned(),
        action: "executeStatement".to_owned(),
        output: OutputShape::Describe,
        step: Some("step".to_owned()),
        on_stop: Some(OnStop::Leave),
        memo: memo.to_owned(),
        execution_arn: None,
        recorded_at: 0,
    }
}

/// A policy that was built for an older version does on every host what it did when it was built.
#[tokio::test]
async fn kept_policies_do_what_they_did() {
    const MEMO: &str = "what I wanted to know again";
    for (host, engine, _) in hosts() {
        for (version, code) in KEPT {
            let which = format!("{version} on a host of {host}");
            let policy = load(&engine, code, "{}").await;
            let policy = policy.unwrap_or_else(|error| panic!("{which}: {error}"));
            assert_eq!(policy.description().unwrap().name, "kept", "{which}");
            assert_eq!(policy.warnings()[0].help.as_deref(), Some("that is fine"));
            let refused = load(&engine, code, "[]").await.err().unwrap();
            assert!(
                matches!(&refused, LoadError::Settings { findings, .. } if findings[0].message == "this is a list")
            );

            let services = Arc::new(Taking::default());
            let invoked = policy
                .invoke(
                    context(services.clone()),
                    invocation(),
                    Some(Waiter::Cloudformation),
                )
                .await
                .unwrap();
            assert!(invoked.bound && invoked.answer.is_none(), "{which}");
            assert_eq!(
                invoked.reply.unwrap(),
                r#"["cloudformation","ok","ok","ok","ok","ok","ok","ok","ok","invalid-request","invalid-request"]"#,
                "{which}"
            );
            assert_eq!(
                *services.calls.lock().unwrap(),
                [
                    "latest",
                    "list-statements",
                    "describe-statement",
                    "get-statement-result",
                    "cancel-statement",
                    "heartbeat",
                    "batch-execute-statement",
                    "execute-statement",
                ],
                "{which}"
            );
            // Where 0.2.0 is the newest, its implementation is the one that the old policy's call came to.
            let last = services.sql.lock().unwrap().last().cloned();
            let expected = match host {
                "0.2.0" => "/* no group */ SELECT :a",
                _ => "SELECT :a",
            };
            assert_eq!(last.as_deref(), Some(expected), "{which}");

            let refused = policy
                .invoke(context(services.clone()), invocation(), None)
                .await;
            let rejection = refused.unwrap().reply.unwrap_err();
            assert_eq!(rejection.message, "request wants nothing: {}", "{which}");

            for (memo, status, answer) in [
                (
                    MEMO,
                    StatementStatus::Finished,
                    Answer::Succeed {
                        output: r#"{"Status":"FINISHED"}"#.to_owned(),
                    },
                ),
                (
                    MEMO,
                    StatementStatus::Failed,
                    Answer::Fail {
                        error: "Failed".to_owned(),
                        cause: "Oops".to_owned(),
                    },
                ),
                (
                    "other",
                    StatementStatus::Finished,
                    Answer::Fail {
                        error: "NotMine".to_owned(),
                        cause: "other".to_owned(),
                    },
                ),
            ] {
                let settlement = Settlement {
                    facts: facts(memo),
                    statement: described("started", status),
                    event: None,
                };
                let settled = policy
                    .settle(context(services.clone()), settlement, Waiter::StepFunctions)
                    .await;
                assert_eq!(settled.unwrap().answer, answer, "{which}");
            }
            for (reason, decision) in [
                (ClosingReason::TimedOut, OnStop::Leave),
                (ClosingReason::Aborted, OnStop::Cancel),
            ] {
                let closing = Closing {
                    facts: facts(MEMO),
                    reason,
                };
                let closed = policy.closed(context(services.clone()), closing).await;
                assert_eq!(closed.unwrap().decision, decision, "{which}");
            }
        }
    }
}

fn caller<'a>(callers: &'a [Caller], name: &str) -> &'a Caller {
    callers.iter().find(|caller| caller.name() == name).unwrap()
}

/// Wasmtime would link it. What it lacks is said by name.
#[tokio::test]
async fn a_newer_policy_on_an_older_host_is_told_what_is_missing() {
    let [(_, old, _), ..] = hosts();
    let newer = contract("0.1.1").callers;
    let missing = caller(&newer, "ledger/count");
    let refused = load(&old, &missing.component, "{}").await.err().unwrap();
    insta::assert_snapshot!(refused, @"policy `team`: it imports `signalbox:policy/ledger@0.1.1#count`, which this host does not have: signalbox 0.1.0 has version 0.1.0 of the contract. Use a newer signalbox, or build the policy for that version");
    // What it has not used is not missed.
    for caller in newer
        .iter()
        .filter(|caller| caller.name() != missing.name())
    {
        let policy = load(&old, &caller.component, "{}").await.unwrap();
        let services = Arc::new(Taking::default());
        let came = call(&policy, services).await;
        let name = caller.name();
        // `x` is no JSON.
        let expected = match &*name {
            "callbacks/task.succeed" => "InvalidRequest",
            _ => "called",
        };
        assert_eq!(came, expected, "{name}");
    }

    let changed = contract("0.2.0").callers;
    let refused = load(&old, &changed[0].component, "{}").await.err().unwrap();
    insta::assert_snapshot!(refused, @"policy `team`: it was built for version 0.2.0 of the contract, and signalbox 0.1.0 has 0.1.0 of it. Use a signalbox that has it, or build the policy for a version that is compatible");
}
