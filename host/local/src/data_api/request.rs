//! What clients send.

use serde::{Deserialize, Serialize};

/// The format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum ResultFormat {
    #[default]
    Json,
    Csv,
}

impl ResultFormat {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSV",
        }
    }
}

/// How the statements of a batch belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum ExecutionMode {
    /// All or nothing.
    #[default]
    Transaction,
    /// Each commits by itself, and a failure does not stop the rest.
    AutoCommit,
}

impl ExecutionMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "TRANSACTION",
            Self::AutoCommit => "AUTO_COMMIT",
        }
    }
}

/// A value for `:name` in the SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Where SQL runs and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) cluster: Option<String>,
    pub(crate) workgroup: Option<String>,
    pub(crate) database: String,
    pub(crate) user: Option<String>,
    pub(crate) secret: Option<String>,
}

/// The input of ExecuteStatement and BatchExecuteStatement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ExecuteInput {
    pub(crate) sql: Option<String>,
    pub(crate) sqls: Option<Vec<String>>,
    pub(crate) cluster_identifier: Option<String>,
    pub(crate) workgroup_name: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) db_user: Option<String>,
    pub(crate) secret_arn: Option<String>,
    pub(crate) statement_name: Option<String>,
    pub(crate) parameters: Option<Vec<Parameter>>,
    pub(crate) with_event: Option<bool>,
    pub(crate) client_token: Option<String>,
    pub(crate) result_format: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) session_keep_alive_seconds: Option<i64>,
    pub(crate) execution_mode: Option<String>,
    pub(crate) wait_time_seconds: Option<i64>,
}

/// The input of operations on one statement.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StatementInput {
    pub(crate) id: Option<String>,
    pub(crate) next_token: Option<String>,
    pub(crate) wait_time_seconds: Option<i64>,
}

/// The input of ListStatements. (`RoleLevel` is read and has no effect: there is one role.)
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListInput {
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
    pub(crate) statement_name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) cluster_identifier: Option<String>,
    pub(crate) workgroup_name: Option<String>,
}

/// The input of ListDatabases, ListSchemas, ListTables and DescribeTable; each reads its own part.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MetadataInput {
    pub(crate) cluster_identifier: Option<String>,
    pub(crate) workgroup_name: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) connected_database: Option<String>,
    pub(crate) db_user: Option<String>,
    pub(crate) secret_arn: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) schema_pattern: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) table_pattern: Option<String>,
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
}

impl MetadataInput {
    /// The request without what differs from page to page.
    pub(crate) fn without_page(&self) -> Self {
        Self {
            max_results: None,
            next_token: None,
            ..self.clone()
        }
    }
}

/// The input of ListSessions. (`RoleLevel` is read and has no effect: there is one role.)
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SessionsInput {
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) cluster_identifier: Option<String>,
    pub(crate) workgroup_name: Option<String>,
}
