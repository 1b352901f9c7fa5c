mod clients;
mod errors;
mod requests;

use serde_json::json;
use signalbox_policy::contract::{ExecutionMode, Parameter, StatementStatus};
use signalbox_tasker::ports::ServiceErrorKind as Kind;

use super::*;
use crate::targets::TargetConfig;
use crate::testing::{Service, Turn};

const ID: &str = "d9b6c0c9-0747-4bf4-b142-e8883122f766";

fn target(config: TargetConfig) -> Target {
    TargetConfig {
        database: Some("dev".to_owned()),
        ..config
    }
    .check()
    .expect("a target")
}

fn cluster() -> Target {
    target(TargetConfig {
        cluster_identifier: Some("analytics".to_owned()),
        db_user: Some("admin".to_owned()),
        ..TargetConfig::default()
    })
}

async fn of(target: Target, turns: impl IntoIterator<Item = Turn>) -> (RedshiftData, Service) {
    let service = Service::start(turns).await;
    let targets = BTreeMap::from([("main".to_owned(), target)]);
    (RedshiftData::new(service.session().await, targets), service)
}

fn reply(body: &str) -> Turn {
    Turn::Reply(200, body.to_owned())
}

fn error(status: u16, code: &str, message: &str) -> Turn {
    Turn::Reply(
        status,
        json!({"__type": code, "message": message}).to_string(),
    )
}

fn started() -> Turn {
    Turn::Reply(
        200,
        json!({"Id": ID, "CreatedAt": 1_633_003_200.123}).to_string(),
    )
}

fn start() -> StartStatement {
    StartStatement {
        sql: Sql::One("select 1".to_owned()),
        parameters: vec![],
        result_format: ResultFormat::Json,
        session_id: None,
        session_keep_alive_seconds: None,
        wait_seconds: None,
        statement_name: "sbx-d:r".to_owned(),
        client_token: "token-of-the-client".to_owned(),
        with_event: true,
    }
}
