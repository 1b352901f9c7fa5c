//! What stands where.

use std::path::PathBuf;

use serde_json::json;
use signalbox_local::REGION;

use crate::{machine::functions::arn, out};

/// The addresses of what is served.
pub(super) struct Programme {
    pub(super) function: String,
    pub(super) redshift: String,
    pub(super) lambda: String,
    pub(super) states: String,
    pub(super) answer_at: Option<String>,
    pub(super) data_directory: Option<PathBuf>,
}

impl Programme {
    /// Where tokens are answered.
    fn answer_at(&self) -> &str {
        self.answer_at.as_deref().unwrap_or(&self.states)
    }

    /// For people, ready to paste.
    pub(super) fn lines(&self) -> Vec<String> {
        let kept = match &self.data_directory {
            Some(directory) => format!("kept in {}", directory.display()),
            None => "gone when this ends; --data-dir keeps it".to_owned(),
        };
        let answers = match &self.answer_at {
            Some(url) => format!("task tokens are answered at {url}"),
            None => "task tokens are answered here".to_owned(),
        };
        let faint = |text: &str| out::styled(out::FAINT, text);
        vec![
            out::styled(out::HEAD, "Signalbox serves on this machine"),
            format!("  Redshift Data API  {}  {}", self.redshift, faint(&kept)),
            format!(
                "  Lambda Invoke API  {}  {}",
                self.lambda,
                faint(&format!("the function {}", arn(&self.function)))
            ),
            format!("  Step Functions     {}  {}", self.states, faint(&answers)),
            String::new(),
            faint("Paste this where the AWS CLI or an SDK runs:"),
            format!("export AWS_ENDPOINT_URL_REDSHIFT_DATA={}", self.redshift),
            format!("export AWS_ENDPOINT_URL_LAMBDA={}", self.lambda),
            format!("export AWS_ENDPOINT_URL_SFN={}", self.answer_at()),
            format!("export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}"),
            "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local".to_owned(),
            String::new(),
            faint("Ctrl-C ends it."),
        ]
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
        }
    }

    #[test]
    fn the_lines_can_be_pasted() {
        let lines: Vec<String> = programme()
            .lines()
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        Signalbox serves on this machine
          Redshift Data API  http://127.0.0.1:1001  kept in data
          Lambda Invoke API  http://127.0.0.1:1002  the function arn:aws:lambda:us-east-1:000000000000:function:tasker
          Step Functions     http://127.0.0.1:1003  task tokens are answered here

        Paste this where the AWS CLI or an SDK runs:
        export AWS_ENDPOINT_URL_REDSHIFT_DATA=http://127.0.0.1:1001
        export AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:1002
        export AWS_ENDPOINT_URL_SFN=http://127.0.0.1:1003
        export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
        export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local

        Ctrl-C ends it.
        ");
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
