//! What stands where, ready to paste.

use std::path::PathBuf;

use serde_json::json;
use signalbox_aws::{Location, Login};
use signalbox_lambda::Config;
use signalbox_local::REGION;

use crate::{machine::functions::arn, out};

/// An event that shows how short SQL is answered at once.
const EVENT: &str = r#"{"sqlStatement": "select 1 as one", "output": "rows", "waitSeconds": 10}"#;

/// The addresses of what is served.
pub(super) struct Programme {
    pub(super) function: String,
    pub(super) redshift: String,
    pub(super) lambda: String,
    pub(super) states: String,
    pub(super) answer_at: Option<String>,
    pub(super) data_directory: Option<PathBuf>,
    /// What runs the SQL.
    pub(super) engine: &'static str,
    /// Where `psql` reaches a throwaway PostgreSQL.
    pub(super) engine_url: Option<String>,
    /// How the AWS CLI names the function's default target.
    pub(super) target: String,
}

/// The options with which the AWS CLI names the default target of a function.
pub(super) fn target(config: &Config) -> String {
    let Some(target) = config.targets.get(&config.default_target) else {
        return String::new();
    };
    let location = match &target.location {
        Location::Cluster(name) => format!("--cluster-identifier {name}"),
        Location::Workgroup(name) => format!("--workgroup-name {name}"),
    };
    let login = match &target.login {
        Login::Iam => String::new(),
        Login::DbUser(user) => format!(" --db-user {user}"),
        Login::Secret(arn) => format!(" --secret-arn {arn}"),
    };
    format!("{location} --database {}{login}", target.database)
}

impl Programme {
    /// Where tokens are answered.
    fn answer_at(&self) -> &str {
        self.answer_at.as_deref().unwrap_or(&self.states)
    }

    /// What outlives the process, and what does not.
    fn kept(&self) -> String {
        match (&self.data_directory, &self.engine_url) {
            (None, _) => "gone when this ends; --data-dir keeps it".to_owned(),
            (Some(directory), None) => format!("kept in {}", directory.display()),
            (Some(directory), Some(_)) => format!(
                "statements, results and tasks are kept in {}; the databases of this PostgreSQL end with it",
                directory.display()
            ),
        }
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let answers = match &self.answer_at {
            Some(url) => format!("task tokens are answered at {url}"),
            None => "task tokens are answered here".to_owned(),
        };
        let faint = |text: &str| out::styled(out::FAINT, text);
        let mut lines = vec![
            out::styled(out::HEAD, "Signalbox serves on this machine"),
            format!(
                "  Redshift Data API  {}  {}",
                self.redshift,
                faint(&format!("SQL runs on {}", self.engine))
            ),
            format!(
                "  Lambda Invoke API  {}  {}",
                self.lambda,
                faint(&format!("the function {}", self.function))
            ),
            format!("  Step Functions     {}  {}", self.states, faint(&answers)),
        ];
        if let Some(url) = &self.engine_url {
            lines.push(format!("  PostgreSQL         psql '{url}'"));
        }
        lines.push(format!("  Data               {}", self.kept()));
        lines.extend([
            String::new(),
            faint("Paste this where the AWS CLI or an SDK runs:"),
            format!("export AWS_ENDPOINT_URL_REDSHIFT_DATA={}", self.redshift),
            format!("export AWS_ENDPOINT_URL_LAMBDA={}", self.lambda),
            format!("export AWS_ENDPOINT_URL_SFN={}", self.answer_at()),
            format!("export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}"),
            "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local".to_owned(),
            String::new(),
            faint("Then try:"),
            format!(
                "aws redshift-data execute-statement {} --sql 'select 1 as one'",
                self.target
            ),
            "aws redshift-data list-statements".to_owned(),
            format!(
                "echo '{EVENT}' | aws lambda invoke --function-name {} --payload fileb:///dev/stdin reply.json && cat reply.json",
                self.function
            ),
            String::new(),
            faint("The log follows. Ctrl-C ends it."),
        ]);
        lines
    }

    /// For programs: one line.
    pub(super) fn json(&self) -> String {
        json!({
            "redshiftDataUrl": self.redshift,
            "lambdaUrl": self.lambda,
            "stepFunctionsUrl": self.states,
            "answersAt": self.answer_at(),
            "functionName": self.function,
            "functionArn": arn(&self.function),
            "region": REGION,
            "engine": self.engine,
            "engineUrl": self.engine_url,
            "dataDirectory": self.data_directory.as_ref().map(|directory| directory.display().to_string()),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme() -> Programme {
        Programme {
            function: "tasker".to_owned(),
            redshift: "http://127.0.0.1:1001".to_owned(),
            lambda: "http://127.0.0.1:1002".to_owned(),
            states: "http://127.0.0.1:1003".to_owned(),
            answer_at: None,
            data_directory: Some("data".into()),
            engine: "SQLite",
            engine_url: None,
            target: "--cluster-identifier local --database dev --db-user admin".to_owned(),
        }
    }

    #[test]
    fn the_lines_can_be_pasted() {
        let lines: Vec<String> = programme()
            .lines()
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Signalbox serves on this machine
          Redshift Data API  http://127.0.0.1:1001  SQL runs on SQLite
          Lambda Invoke API  http://127.0.0.1:1002  the function tasker
          Step Functions     http://127.0.0.1:1003  task tokens are answered here
          Data               kept in data

        Paste this where the AWS CLI or an SDK runs:
        export AWS_ENDPOINT_URL_REDSHIFT_DATA=http://127.0.0.1:1001
        export AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:1002
        export AWS_ENDPOINT_URL_SFN=http://127.0.0.1:1003
        export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
        export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local

        Then try:
        aws redshift-data execute-statement --cluster-identifier local --database dev --db-user admin --sql 'select 1 as one'
        aws redshift-data list-statements
        echo '{"sqlStatement": "select 1 as one", "output": "rows", "waitSeconds": 10}' | aws lambda invoke --function-name tasker --payload fileb:///dev/stdin reply.json && cat reply.json

        The log follows. Ctrl-C ends it.
        "#);
    }

    #[test]
    fn what_a_throwaway_server_does_not_keep_is_said() {
        let programme = Programme {
            engine: "PostgreSQL",
            engine_url: Some("postgres://awsuser@%2Ftmp%2Fx:5432/dev".to_owned()),
            ..programme()
        };
        let lines = programme.lines().join("\n");
        assert!(
            lines.contains("psql 'postgres://awsuser@%2Ftmp%2Fx:5432/dev'"),
            "{lines}"
        );
        assert!(
            lines.contains("the databases of this PostgreSQL end with it"),
            "{lines}"
        );
    }

    #[test]
    fn elsewhere_is_said() {
        let programme = Programme {
            answer_at: Some("http://127.0.0.1:4566".to_owned()),
            ..programme()
        };
        assert!(
            programme
                .json()
                .contains(r#""answersAt":"http://127.0.0.1:4566""#)
        );
        let lines = programme.lines().join("\n");
        assert!(lines.contains("AWS_ENDPOINT_URL_SFN=http://127.0.0.1:4566"));
    }
}
