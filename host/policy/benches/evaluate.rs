//! The evaluation of one event by the standard policy: by the kit as native code, in an instance that is kept,
//! and in a fresh one, which is what the host does. The services answer at once.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use signalbox_policy::{
    CallContext, ComponentPolicy, Denied, EngineOptions, Limits, Loading, Policy, PolicyEngine,
    Source,
    contract::{Invocation, Source as EventSource, UnknownFields},
};
use tokio::{runtime, time::Instant};

/// Rules that look at tables, so that the SQL is parsed.
const SETTINGS: &str = r#"{
    "rules": [
        { "name": "secrets", "when": { "tables": ["secret.*", "*.salary"] }, "then": { "deny": "No." } },
        { "name": "no drops", "when": { "kinds": ["drop-*", "truncate"] }, "then": { "deny": "No." } },
        { "name": "time", "then": { "deadlineSeconds": 3600 } }
    ],
    "unparsed": "deny",
    "unqualified": "allow",
    "unknownTables": "allow"
}"#;

fn events() -> [(&'static str, String); 2] {
    let joins: String = (0..40)
        .map(|n| format!(" JOIN sales.part_{n} p{n} ON p{n}.id = o.id AND p{n}.day > 20"))
        .collect();
    let payload = |sql: &str| serde_json::json!({ "sqlStatement": sql }).to_string();
    [
        (
            "130 B",
            payload(
                "SELECT region, sum(amount) FROM sales.orders WHERE day BETWEEN '2024-01-01' AND '2024-01-31' GROUP BY region ORDER BY 2 DESC LIMIT 10",
            ),
        ),
        (
            "3 KB",
            payload(&format!(
                "SELECT o.id FROM sales.orders o{joins} WHERE o.amount > 100"
            )),
        ),
    ]
}

fn context() -> CallContext {
    CallContext {
        services: Arc::new(Denied),
        now: 0,
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

fn invocation(payload: &str) -> Invocation {
    Invocation {
        request_id: "bench".to_owned(),
        source: EventSource::Invocation,
        payload: payload.to_owned(),
        execution_arn: None,
        function_arn: None,
        targets: vec!["default".to_owned()],
        unknown_fields: UnknownFields::Ignore,
    }
}

async fn load() -> ComponentPolicy {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let standard = Loading {
        name: "standard".to_owned(),
        source: Source::Component(signalbox_guests::STANDARD.into()),
        settings: SETTINGS.to_owned(),
        limits: Limits {
            host_calls: u32::MAX,
            ..Limits::default()
        },
        redact: None,
    };
    engine.load(standard).await.unwrap()
}

fn evaluate(criterion: &mut Criterion) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let policy = runtime.block_on(load());
    let mut group = criterion.benchmark_group("evaluate");
    for (size, payload) in events() {
        let invocation = invocation(&payload);
        group.bench_with_input(
            BenchmarkId::new("native", size),
            &payload,
            |bencher, payload| {
                bencher.iter(|| black_box(signalbox_kit::testing::evaluate(payload, SETTINGS)));
            },
        );
        let mut kept = runtime.block_on(policy.reused(context())).unwrap();
        group.bench_function(BenchmarkId::new("reused", size), |bencher| {
            bencher.iter(|| {
                runtime
                    .block_on(kept.invoke(context(), &invocation))
                    .unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("fresh", size), |bencher| {
            bencher.iter(|| {
                runtime
                    .block_on(policy.invoke(context(), invocation.clone(), None))
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
