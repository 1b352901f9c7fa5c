//! Named targets: where a statement runs and as whom.
//!
//! [`TargetConfig`] is what a deployer writes, field by field; [`TargetConfig::check`] makes a [`Target`] of it
//! or says everything that is wrong with it.

mod rules;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Deserialize;

/// The session name of an assumed role when the deployer gives none. Redshift counts it into the owner of a
/// statement, so it has to stay the same from one cold start to the next.
pub const DEFAULT_ROLE_SESSION_NAME: &str = "signalbox";

/// A target as a deployer writes it. Every field may be absent here; [`TargetConfig::check`] says what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// A provisioned cluster: 1 to 63 lower-case letters, digits and single hyphens, a letter first.
    pub cluster_identifier: Option<String>,
    /// A serverless workgroup: its name (3 to 128 characters) or its ARN.
    pub workgroup_name: Option<String>,
    /// The database. Required.
    pub database: Option<String>,
    /// Connect as this database user with temporary credentials (`redshift:GetClusterCredentials`). Only with
    /// a cluster.
    pub db_user: Option<String>,
    /// Connect with the user and password of this secret: its ARN or its name.
    pub secret_arn: Option<String>,
    /// The region; none for that of the host.
    pub region: Option<String>,
    /// The role to assume for every call; none for the role of the host.
    pub role_arn: Option<String>,
    /// What the trust policy of `role_arn` asks for, if it asks: 2 to 1,224 characters.
    pub external_id: Option<String>,
    /// The session name under `role_arn`: 2 to 64 characters; none for [`DEFAULT_ROLE_SESSION_NAME`].
    pub role_session_name: Option<String>,
}

/// A target that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it runs.
    pub location: Location,
    /// The database.
    pub database: String,
    /// As whom.
    pub login: Login,
    /// The region; none for that of the host.
    pub region: Option<String>,
    /// The role to assume; none for the role of the host.
    pub role: Option<Role>,
}

/// What runs the SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A provisioned cluster, by its identifier.
    Cluster(String),
    /// A serverless workgroup, by its name or ARN.
    Workgroup(String),
}

/// How the Data API connects to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// As the database user that belongs to the IAM identity.
    Iam,
    /// As this database user of a cluster, with temporary credentials.
    DbUser(String),
    /// With the user and password of this secret.
    Secret(String),
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy asks for, if it asks.
    pub external_id: Option<String>,
    /// The name of the session.
    pub session_name: String,
}

/// One thing that is wrong with a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetProblem {
    /// The field of [`TargetConfig`].
    pub field: &'static str,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// Everything that is wrong with a target; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct TargetError(pub Vec<TargetProblem>);

impl TargetConfig {
    /// Checks every field and the ways they go together.
    ///
    /// # Errors
    /// All that is wrong, each with its field.
    pub fn check(&self) -> Result<Target, TargetError> {
        let mut problems = Vec::new();
        let location = self.location(&mut problems);
        let login = self.login(&mut problems);
        let database = match &self.database {
            None => {
                let message = "is missing: name the database to connect to".to_owned();
                problems.push(TargetProblem {
                    field: "database",
                    message,
                });
                None
            }
            given => rules::text(&mut problems, "database", given, rules::database),
        };
        let region = rules::text(&mut problems, "region", &self.region, rules::region);
        let role = self.role(&mut problems);
        match (location, database, problems.is_empty()) {
            (Some(location), Some(database), true) => Ok(Target {
                location,
                database,
                login,
                region,
                role,
            }),
            _ => Err(TargetError(problems)),
        }
    }

    fn location(&self, problems: &mut Vec<TargetProblem>) -> Option<Location> {
        let cluster = rules::text(
            problems,
            "cluster_identifier",
            &self.cluster_identifier,
            rules::cluster_identifier,
        );
        let workgroup = rules::text(
            problems,
            "workgroup_name",
            &self.workgroup_name,
            rules::workgroup_name,
        );
        let mut say = |message: &str| {
            problems.push(TargetProblem {
                field: "cluster_identifier",
                message: message.to_owned(),
            });
            None
        };
        match (&self.cluster_identifier, &self.workgroup_name) {
            (Some(_), Some(_)) => say("is given together with workgroup_name: keep one of the two"),
            (None, None) => say("is missing, and workgroup_name too: give one of the two"),
            _ => cluster
                .map(Location::Cluster)
                .or(workgroup.map(Location::Workgroup)),
        }
    }

    fn login(&self, problems: &mut Vec<TargetProblem>) -> Login {
        let user = rules::text(problems, "db_user", &self.db_user, rules::db_user);
        let secret = rules::text(problems, "secret_arn", &self.secret_arn, rules::secret_arn);
        let mut say = |message: &str| {
            problems.push(TargetProblem {
                field: "db_user",
                message: message.to_owned(),
            })
        };
        if self.db_user.is_some() && self.secret_arn.is_some() {
            say(
                "is given together with secret_arn: keep one of the two, or neither to connect as the IAM identity",
            );
        }
        if self.db_user.is_some() && self.workgroup_name.is_some() {
            say(
                "does not go with workgroup_name: a workgroup derives the user from the IAM identity; \
                 leave it out or use secret_arn",
            );
        }
        match (user, secret) {
            (Some(user), _) => Login::DbUser(user),
            (None, Some(secret)) => Login::Secret(secret),
            (None, None) => Login::Iam,
        }
    }

    fn role(&self, problems: &mut Vec<TargetProblem>) -> Option<Role> {
        let arn = rules::text(problems, "role_arn", &self.role_arn, rules::role_arn);
        let external_id = rules::text(
            problems,
            "external_id",
            &self.external_id,
            rules::external_id,
        );
        let name = rules::text(
            problems,
            "role_session_name",
            &self.role_session_name,
            rules::role_session_name,
        );
        if self.role_arn.is_none() {
            for (field, given) in [
                ("external_id", &self.external_id),
                ("role_session_name", &self.role_session_name),
            ] {
                if given.is_some() {
                    let message =
                        "is given without role_arn: name the role to assume or leave it out"
                            .to_owned();
                    problems.push(TargetProblem { field, message });
                }
            }
        }
        let session_name = name.unwrap_or_else(|| DEFAULT_ROLE_SESSION_NAME.to_owned());
        Some(Role {
            arn: arn?,
            external_id,
            session_name,
        })
    }
}
