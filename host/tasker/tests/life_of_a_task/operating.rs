//! What an operator sees and does.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{
    Options, PolicySet, Ports, Settled, Settling, Tasker,
    operate::{CancelledNow, Filter, OperateError, Operator, TaskName},
    ports::{Expect, Item, Key, Ledger as _, ServiceErrorKind, Write},
    record::{Ending, Life, Phase},
};
use tokio::time::Instant;

use crate::support::{ARN, DEPLOYMENT, StartFault, Told, World, id, standard};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-task-0123";

fn operator_of(world: &World, deployment: &str) -> Operator {
    let options = Options {
        deployment: deployment.to_owned(),
        ..Options::default()
    };
    Operator::new(&ports(world), options)
}

fn ports(world: &World) -> Ports {
    Ports {
        warehouse: world.warehouse.clone(),
        callbacks: world.callbacks.clone(),
        custom_resources: world.custom_resources.clone(),
        ledger: world.ledger.clone(),
        clock: world.clock.clone(),
    }
}

fn name(text: &str) -> TaskName {
    text.parse().unwrap()
}

async fn statement(world: &World, token: &str) -> String {
    let record = world.record(token).await.unwrap();
    record.statement_id().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn open_tasks_are_listed_the_oldest_first_and_without_secrets() {
    let world = World::new(standard());
    let sql = "create user u password 'HUNTER2'";
    world.invoke_waiting(TOKEN, sql).await.unwrap();
    world.clock.push(Duration::from_secs(60));
    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.invoke_waiting(OTHER, "select 1").await.unwrap();

    let operator = operator_of(&world, DEPLOYMENT);
    let open = operator.open(&Filter::default()).await.unwrap();
    let phases: Vec<_> = open.tasks.iter().map(|task| task.phase).collect();
    assert_eq!(phases, [Phase::Started, Phase::Starting]);
    assert_eq!((open.open, open.tasks[0].age_seconds), (2, 60));
    let json = serde_json::to_string(&open.tasks).unwrap();
    for secret in [TOKEN, OTHER, "HUNTER2"] {
        assert!(!json.contains(secret), "{json}");
    }

    let filters = [
        (
            Filter {
                older_than: Some(Duration::from_secs(60)),
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                older_than: Some(Duration::from_secs(61)),
                ..Filter::default()
            },
            0,
        ),
        (
            Filter {
                phases: vec![Phase::Starting, Phase::Decided],
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                execution_arn: Some(ARN.to_owned()),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                execution_arn: Some("arn".to_owned()),
                ..Filter::default()
            },
            0,
        ),
        (
            Filter {
                policy: Some("standard".to_owned()),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                policy: Some("finance".to_owned()),
                ..Filter::default()
            },
            0,
        ),
    ];
    for (filter, matching) in filters {
        let open = operator.open(&filter).await.unwrap();
        assert_eq!(open.tasks.len(), matching, "{filter:?}");
    }
    let elsewhere = operator_of(&world, "other")
        .open(&Filter::default())
        .await
        .unwrap();
    assert_eq!(elsewhere.open, 0, "a deployment sees its own");

    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(operator.open(&Filter::default()).await.unwrap().open, 1);
}

#[tokio::test(start_paused = true)]
async fn more_open_tasks_than_a_page_holds_are_all_listed() {
    let world = World::new(standard());
    for number in 0..1_700 {
        let token = format!("token-of-task-number-{number:08}");
        world.invoke_waiting(&token, "select 1").await.unwrap();
    }
    let open = operator_of(&world, DEPLOYMENT)
        .open(&Filter::default())
        .await
        .unwrap();
    let mut ids: Vec<_> = open.tasks.iter().map(|task| &task.record_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), open.open), (1_700, 1_700));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_hides_no_other() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
    let key = Key::new(format!("task#{}", id(OTHER)), "record");
    let body = serde_json::Map::from_iter([("schema".to_owned(), 99.into())]);
    let item = Item {
        key,
        revision: 99,
        expires_at: None,
        body,
    };
    let broken = Write::Put {
        item,
        expect: Expect::Any,
    };
    world.ledger.write(0, vec![broken]).await.unwrap();
    let open = operator_of(&world, DEPLOYMENT)
        .open(&Filter::default())
        .await
        .unwrap();
    assert_eq!((open.tasks.len(), open.open), (1, 2));
    assert_eq!(open.unreadable[0].0, id(OTHER).as_str());
}

#[tokio::test(start_paused = true)]
async fn a_task_is_found_by_each_of_its_names_and_by_its_own_deployment_only() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let record = id(TOKEN).to_string();
    let names = [
        record.clone(),
        record[..8].to_owned(),
        format!("sbx-{DEPLOYMENT}:{record}"),
        statement(&world, TOKEN).await,
        ARN.to_owned(),
    ];
    let (own, other) = (
        operator_of(&world, DEPLOYMENT),
        operator_of(&world, "other"),
    );
    for text in &names {
        let found = own.find_one(&name(text)).await.unwrap();
        assert_eq!(found.record_id, id(TOKEN), "{text}");
        let refused = other.find_one(&name(text)).await.unwrap_err();
        match refused {
            OperateError::Foreign { owner, .. } => assert_eq!(owner, DEPLOYMENT),
            // The beginning of an id is looked for among one's own.
            OperateError::NotFound { .. } => assert_eq!(*text, record[..8]),
            refused => panic!("{refused}"),
        }
    }
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
    let refused = own.find_one(&name(ARN)).await.unwrap_err();
    assert!(
        matches!(refused, OperateError::Ambiguous { count: 2, .. }),
        "{refused}"
    );
    assert_eq!(own.find(&name(ARN)).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_repeated_until_redshift_reports_an_end_and_answers_nobody() {
    let world = Arc::new(World::new(standard()));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let operator = operator_of(&world, DEPLOYMENT);
    let task = name(&statement(&world, TOKEN).await);

    world
        .warehouse
        .deaf_to_cancel
        .store(true, Ordering::Relaxed);
    let (_, outcome) = operator
        .cancel(&task, Instant::now() + Duration::from_secs(30))
        .await
        .unwrap();
    assert!(matches!(outcome, CancelledNow::GoesOn(_)), "{outcome:?}");
    assert!(
        world.warehouse.started()[0].cancels > 2,
        "it is asked again"
    );

    world
        .warehouse
        .deaf_to_cancel
        .store(false, Ordering::Relaxed);
    let (_, outcome) = operator
        .cancel(&task, Instant::now() + Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(outcome, CancelledNow::Ended(StatementStatus::Aborted));
    assert!(world.callbacks.told(TOKEN).is_empty());
    let event = world.event(TOKEN, "ABORTED").await;
    assert_eq!(
        world.tasker.settle(&world.call(), event).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn what_was_over_or_never_started_is_not_cancelled() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let operator = operator_of(&world, DEPLOYMENT);
    let task = name(&statement(&world, TOKEN).await);
    world.warehouse.end(
        &format!("sbx-{DEPLOYMENT}:{}", id(TOKEN)),
        StatementStatus::Finished,
    );
    let (_, outcome) = operator
        .cancel(&task, Instant::now() + Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(outcome, CancelledNow::WasOver(StatementStatus::Finished));

    *world.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
    world.invoke_waiting(OTHER, "select 1").await.unwrap();
    let task = name(id(OTHER).as_str());
    let (_, outcome) = operator
        .cancel(&task, Instant::now() + Duration::from_secs(30))
        .await
        .unwrap();
    assert!(
        matches!(&outcome, CancelledNow::Nothing(why) if why.contains("being started")),
        "{outcome:?}"
    );
    assert_eq!(world.warehouse.count("cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn one_task_is_settled_by_hand_before_its_sweep() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let record = world.record(TOKEN).await.unwrap();
    let left = world
        .tasker
        .settle_now(&world.call(), &record)
        .await
        .unwrap();
    assert_eq!(
        left.settled,
        Settled::Left("the statement still runs".to_owned())
    );
    assert!(world.callbacks.sent(TOKEN).is_empty());

    world
        .warehouse
        .end(&record.statement_name(), StatementStatus::Finished);
    let done = world
        .tasker
        .settle_now(&world.call(), &record)
        .await
        .unwrap();
    assert_eq!(done.settled, Settled::Done);
    assert_eq!(done.record.unwrap().life.ending(), Some(Ending::Answered));
    assert!(matches!(
        &world.callbacks.told(TOKEN)[..],
        [Told::Succeeded(_)]
    ));
    let again = world
        .tasker
        .settle_now(&world.call(), &record)
        .await
        .unwrap();
    assert_eq!(again.settled, Settled::WasOver);
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn settling_by_hand_starts_no_sql_and_leaves_a_start_under_way_alone() {
    let world = World::new(standard());
    *world.warehouse.start_faults.lock().unwrap() =
        vec![StartFault::Before(ServiceErrorKind::Unclear, "ConnectionError"); 100];
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let record = world.record(TOKEN).await.unwrap();
    let starts = world.warehouse.count("start");
    let left = world
        .tasker
        .settle_now(&world.call(), &record)
        .await
        .unwrap();
    assert!(matches!(left.settled, Settled::Left(_)), "{left:?}");

    // As an invocation leaves it that has not asked Redshift yet.
    let stored = world.store.find(&record.record_id).await.unwrap().unwrap();
    let mut reserved = stored.record.clone();
    reserved.life = Life::Reserved;
    let deadline = Instant::now() + Duration::from_secs(5);
    world
        .store
        .advance(&stored, reserved, deadline)
        .await
        .unwrap();
    let left = world
        .tasker
        .settle_now(&world.call(), &record)
        .await
        .unwrap();
    assert!(
        matches!(&left.settled, Settled::Left(why) if why.contains("just about to start")),
        "{left:?}"
    );
    world.clock.push(Duration::from_secs(121));
    let done = world
        .tasker
        .settle_now(&world.call(), &record)
        .await
        .unwrap();
    assert_eq!(done.settled, Settled::Done);
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("StatementNotStarted")
    );
    assert_eq!(world.warehouse.count("start"), starts);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_without_the_policy_does_not_settle() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let mut record = world.record(TOKEN).await.unwrap();
    if let Some(policy) = &mut record.policy {
        policy.name = "finance".to_owned();
    }
    let stored = world.store.find(&record.record_id).await.unwrap().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    world
        .store
        .advance(&stored, record.clone(), deadline)
        .await
        .unwrap();
    world
        .warehouse
        .end(&record.statement_name(), StatementStatus::Finished);
    let options = Options {
        deployment: DEPLOYMENT.to_owned(),
        ..Options::default()
    };
    let tasker = Tasker::new(
        ports(&world),
        options,
        PolicySet::single(Arc::new(standard())),
    );
    let left = tasker.settle_now(&world.call(), &record).await.unwrap();
    assert!(
        matches!(&left.settled, Settled::Left(why) if why.contains("`finance`")),
        "{left:?}"
    );
    assert!(world.callbacks.sent(TOKEN).is_empty());
}
