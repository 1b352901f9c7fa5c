//! From the port's requests to the service's.

use aws_sdk_redshiftdata::types::{
    ExecutionMode as Mode, ResultFormatString, SqlParameter, StatusString,
};
use signalbox_policy::contract::{ExecutionMode, Parameter, ResultFormat, StatementStatus};
use signalbox_tasker::ports::{ServiceError, ServiceErrorKind};

use crate::targets::{Location, Login, Target};

/// The members that say where a statement runs and as whom. A session has them already: none is sent then.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cluster_identifier: Option<String>,
    pub(super) workgroup_name: Option<String>,
    pub(super) database: Option<String>,
    pub(super) db_user: Option<String>,
    pub(super) secret_arn: Option<String>,
}

impl Place {
    pub(super) fn of(target: &Target, session: Option<&str>) -> Self {
        if session.is_some() {
            return Self::default();
        }
        let mut place = Self {
            database: Some(target.database.clone()),
            ..Self::default()
        };
        match &target.location {
            Location::Cluster(name) => place.cluster_identifier = Some(name.clone()),
            Location::Workgroup(name) => place.workgroup_name = Some(name.clone()),
        }
        match &target.login {
            Login::Iam => {}
            Login::DbUser(user) => place.db_user = Some(user.clone()),
            Login::Secret(secret) => place.secret_arn = Some(secret.clone()),
        }
        place
    }
}

/// Sets the members that ExecuteStatement and BatchExecuteStatement have in common: their builders are two
/// types of the SDK.
macro_rules! start_members {
    ($builder:expr, $place:expr, $start:expr) => {{
        let (place, start): (
            $crate::warehouse::requests::Place,
            &signalbox_tasker::ports::StartStatement,
        ) = ($place, $start);
        $builder
            .set_cluster_identifier(place.cluster_identifier)
            .set_workgroup_name(place.workgroup_name)
            .set_database(place.database)
            .set_db_user(place.db_user)
            .set_secret_arn(place.secret_arn)
            .set_parameters($crate::warehouse::requests::parameters(&start.parameters))
            .set_result_format($crate::warehouse::requests::format(start.result_format))
            .set_session_id(start.session_id.clone())
            .set_session_keep_alive_seconds($crate::warehouse::requests::number(
                start.session_keep_alive_seconds,
            ))
            .set_wait_time_seconds($crate::warehouse::requests::number(start.wait_seconds))
            .statement_name(&start.statement_name)
            .client_token(&start.client_token)
            .with_event(start.with_event)
    }};
}
pub(super) use start_members;

/// None for none: the service refuses an empty list.
pub(super) fn parameters(parameters: &[Parameter]) -> Option<Vec<SqlParameter>> {
    let list = parameters.iter().map(|given| {
        SqlParameter::builder()
            .name(&given.name)
            .value(&given.value)
            .build()
    });
    // Name and value are set, so that none of them fails to build.
    let list: Vec<_> = list.filter_map(Result::ok).collect();
    (!list.is_empty()).then_some(list)
}

/// None for JSON, which is the service's default.
pub(super) fn format(format: ResultFormat) -> Option<ResultFormatString> {
    match format {
        ResultFormat::Json => None,
        ResultFormat::Csv => Some(ResultFormatString::Csv),
    }
}

pub(super) fn mode(mode: ExecutionMode) -> Mode {
    match mode {
        ExecutionMode::Transaction => Mode::Transaction,
        ExecutionMode::AutoCommit => Mode::AutoCommit,
    }
}

/// What is too large for the service's type is too large for the service, which shall say so itself.
pub(super) fn number(number: Option<u32>) -> Option<i32> {
    number.map(|number| i32::try_from(number).unwrap_or(i32::MAX))
}

pub(super) fn status(status: StatementStatus) -> Result<StatusString, ServiceError> {
    Ok(match status {
        StatementStatus::Submitted => StatusString::Submitted,
        StatementStatus::Picked => StatusString::Picked,
        StatementStatus::Started => StatusString::Started,
        StatementStatus::Finished => StatusString::Finished,
        StatementStatus::Failed => StatusString::Failed,
        StatementStatus::Aborted => StatusString::Aborted,
        StatementStatus::Unknown => {
            return Err(ServiceError {
                kind: ServiceErrorKind::Invalid,
                code: "InvalidRequest".to_owned(),
                message:
                    "statements cannot be listed by the status `unknown`: leave it out to list all"
                        .to_owned(),
                statement_id: None,
                document: None,
            });
        }
    })
}
