//! One client for each pair of region and role, made when first needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::config::Builder;
use signalbox_tasker::ports::{ServiceError, ServiceErrorKind};
use tokio::sync::OnceCell;

use crate::session::Session;
use crate::targets::{Role, Target};

/// The targets by name, each with its client.
#[derive(Debug)]
pub(super) struct Clients {
    session: Arc<Session>,
    targets: BTreeMap<String, (Target, Arc<OnceCell<Client>>)>,
}

/// A target that is ready to be asked.
pub(super) struct Bound<'a> {
    pub(super) target: &'a Target,
    pub(super) client: &'a Client,
}

impl Clients {
    pub(super) fn new(session: Arc<Session>, targets: BTreeMap<String, Target>) -> Self {
        let mut shared: BTreeMap<_, Arc<OnceCell<Client>>> = BTreeMap::new();
        let targets = targets
            .into_iter()
            .map(|(name, target)| {
                let cell = shared
                    .entry((target.region.clone(), target.role.clone()))
                    .or_default();
                let cell = Arc::clone(cell);
                (name, (target, cell))
            })
            .collect();
        Self { session, targets }
    }

    pub(super) async fn of(&self, name: &str) -> Result<Bound<'_>, ServiceError> {
        let Some((target, cell)) = self.targets.get(name) else {
            return Err(invalid("InvalidRequest", self.unknown(name)));
        };
        let client = cell.get_or_try_init(|| self.make(name, target)).await?;
        Ok(Bound { target, client })
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<_> = self
            .targets
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        match known.is_empty() {
            true => format!("there is no target `{name}`: none is configured"),
            false => format!(
                "there is no target `{name}`: the configuration has {}",
                known.join(", ")
            ),
        }
    }

    async fn make(&self, name: &str, target: &Target) -> Result<Client, ServiceError> {
        let base = self.session.config().await;
        let Some(region) = target
            .region
            .clone()
            .map(Region::new)
            .or_else(|| base.region().cloned())
        else {
            let message = format!(
                "no region is known for the target `{name}`: give it one, or set AWS_REGION"
            );
            return Err(invalid("MissingRegion", message));
        };
        let mut builder = Builder::from(base).region(region.clone());
        if let Some(role) = &target.role {
            builder = builder.credentials_provider(assume(role, base, region).await);
        }
        Ok(Client::from_conf(builder.build()))
    }
}

async fn assume(role: &Role, base: &SdkConfig, region: Region) -> AssumeRoleProvider {
    let mut builder = AssumeRoleProvider::builder(&role.arn)
        .configure(base)
        .region(region)
        .session_name(&role.session_name);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    builder.build().await
}

fn invalid(code: &str, message: String) -> ServiceError {
    ServiceError {
        kind: ServiceErrorKind::Invalid,
        code: code.to_owned(),
        message,
        statement_id: None,
        document: None,
    }
}
