//! All adapters of one host, from one configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use signalbox_tasker::ports::{Callbacks, CustomResources, Ledger, Warehouse};

use crate::callbacks::StepFunctions;
use crate::cloudformation::CloudFormation;
use crate::ledger::DynamoLedger;
use crate::session::Session;
use crate::targets::Target;
use crate::warehouse::RedshiftData;

/// What the adapters are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// The targets by name.
    pub targets: BTreeMap<String, Target>,
    /// The ledger's table: its name or ARN.
    pub table: String,
    /// Where responses of custom resources may go beside CloudFormation's own addresses: `scheme://host[:port]`. For
    /// tests.
    pub response_origins: Vec<String>,
}

/// The adapters. Making it reads nothing and asks nobody: a client is made by the first call that needs it.
#[derive(Debug, Clone)]
pub struct Aws {
    warehouse: Arc<RedshiftData>,
    callbacks: Arc<StepFunctions>,
    custom_resources: Arc<CloudFormation>,
    ledger: Arc<DynamoLedger>,
}

impl Aws {
    /// Of these settings and the standard AWS environment.
    #[must_use]
    pub fn new(settings: AwsSettings) -> Self {
        Self::with_session(settings, Arc::new(Session::from_environment()))
    }

    /// Of these settings and a configuration of the caller's.
    #[must_use]
    pub fn with_session(settings: AwsSettings, session: Arc<Session>) -> Self {
        Self {
            warehouse: Arc::new(RedshiftData::new(Arc::clone(&session), settings.targets)),
            callbacks: Arc::new(StepFunctions::new(Arc::clone(&session))),
            custom_resources: Arc::new(CloudFormation::new(settings.response_origins)),
            ledger: Arc::new(DynamoLedger::new(session, settings.table)),
        }
    }

    /// Runs statements.
    #[must_use]
    pub fn warehouse(&self) -> Arc<dyn Warehouse> {
        Arc::clone(&self.warehouse) as Arc<dyn Warehouse>
    }

    /// Answers tasks.
    #[must_use]
    pub fn callbacks(&self) -> Arc<dyn Callbacks> {
        Arc::clone(&self.callbacks) as Arc<dyn Callbacks>
    }

    /// Answers custom resources.
    #[must_use]
    pub fn custom_resources(&self) -> Arc<dyn CustomResources> {
        Arc::clone(&self.custom_resources) as Arc<dyn CustomResources>
    }

    /// Keeps items.
    #[must_use]
    pub fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.ledger) as Arc<dyn Ledger>
    }
}

#[cfg(test)]
mod tests {
    use signalbox_tasker::ports::{Key, LedgerError, TaskToken};

    use super::*;
    use crate::targets::TargetConfig;
    use crate::testing::{Service, Turn};

    #[tokio::test]
    async fn nobody_is_asked_before_the_first_call() {
        let service = Service::start([
            Turn::Reply(200, "{}".to_owned()),
            Turn::Reply(200, "{}".to_owned()),
        ])
        .await;
        let target = TargetConfig {
            workgroup_name: Some("wg-1".to_owned()),
            database: Some("dev".to_owned()),
            ..TargetConfig::default()
        };
        let settings = AwsSettings {
            targets: BTreeMap::from([("default".to_owned(), target.check().expect("a target"))]),
            table: "tasks".to_owned(),
            response_origins: Vec::new(),
        };
        let aws = Aws::with_session(settings, service.session().await);
        assert!(service.requests().is_empty());
        assert_eq!(aws.ledger().get(0, &Key::new("a", "b")).await, Ok(None));
        assert_eq!(
            aws.callbacks().heartbeat(&TaskToken::new("t")).await,
            Ok(())
        );
        let operations: Vec<_> = service
            .requests()
            .iter()
            .map(|r| r.operation().to_owned())
            .collect();
        assert_eq!(operations, ["GetItem", "SendTaskHeartbeat"]);
    }

    #[tokio::test]
    async fn without_a_region_every_adapter_says_so() {
        let config = aws_config::SdkConfig::builder().build();
        let settings = AwsSettings {
            targets: BTreeMap::new(),
            table: "tasks".to_owned(),
            response_origins: Vec::new(),
        };
        let aws = Aws::with_session(settings, Arc::new(Session::of(config)));
        let failed = aws
            .ledger()
            .get(0, &Key::new("a", "b"))
            .await
            .expect_err("no region");
        assert!(
            matches!(&failed, LedgerError::Refused(text) if text.contains("AWS_REGION")),
            "{failed}"
        );
        let failed = aws
            .callbacks()
            .heartbeat(&TaskToken::new("t"))
            .await
            .expect_err("no region");
        assert!(failed.to_string().contains("AWS_REGION"), "{failed}");
    }
}
