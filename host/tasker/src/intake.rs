//! Takes an event apart: what the host keeps, and what a policy may see.

use serde_json::{Map, Value};

use crate::{
    custom_resource::CustomResource,
    ports::TaskToken,
    raised::Raised,
    secrets::{LENT_MAX, Secrets, TAKEN_MAX, for_each_text},
    waiting::Waiting,
};

/// The most characters a task token has.
const TOKEN_MAX: usize = 2_048;
/// The most characters an ARN has that Step Functions or Lambda give out, generously.
const ARN_MAX: usize = 1_024;
/// The most characters an idempotency key has (the contract's).
const KEY_MAX: usize = 256;
/// What stands where a secret field stood that is spelt in another way than the documented one.
const HIDDEN: &str = "[secret removed]";

/// A payload, taken apart.
#[derive(Debug, Clone)]
pub struct Intake {
    /// What the policy sees.
    pub payload: Value,
    /// Who waits.
    pub waiting: Option<Waiting>,
    /// The execution that asks.
    pub execution_arn: Option<String>,
    /// The caller's name for the work.
    pub idempotency_key: Option<String>,
    /// Whether a session that is gone may be replaced by a new one.
    pub replace_session: bool,
    /// Whether a start waits for room on its target.
    pub wait_when_busy: bool,
    /// The policy asked for.
    pub policy: Option<String>,
    /// What was taken out.
    pub secrets: Secrets,
}

/// Takes a payload apart.
///
/// # Errors
/// `InvalidRequest` if it is no object, or a field that the host itself reads is of the wrong form.
pub fn take(payload: Value) -> Result<Intake, Raised> {
    let resource = CustomResource::of(&payload)?;
    if let Some(resource) = &resource {
        resource.check()?;
    }
    let Value::Object(mut fields) = payload else {
        return Err(Raised::invalid(
            "the payload must be a JSON object with `sqlStatement`, `sqlStatements` or `action`",
        ));
    };
    let mut secrets = Secrets::default();

    // A path in a state machine yields `null` where there is nothing.
    fields.retain(|_, value| !value.is_null());
    let token = match fields.remove("taskToken") {
        None => None,
        Some(Value::String(token)) if !token.is_empty() && token.chars().count() <= TOKEN_MAX => {
            secrets.take(&token);
            Some(TaskToken::new(token))
        }
        Some(_) => {
            return Err(Raised::invalid(format!(
                "`taskToken` must be a text of 1 to {TOKEN_MAX} characters; pass `$$.Task.Token`"
            )));
        }
    };
    if let Some(url) = fields.remove("ResponseURL") {
        if let Value::String(url) = &url {
            secrets.take(url);
        }
        // The policy still sees that this is a request of CloudFormation.
        fields.insert("ResponseURL".to_owned(), Value::String(HIDDEN.to_owned()));
    }
    hide_secret_fields(&mut fields, &mut secrets);
    if secrets.taken() > TAKEN_MAX {
        return Err(Raised::invalid(format!(
            "the payload has more than {TAKEN_MAX} fields that are spelt like `taskToken` or `ResponseURL`"
        )));
    }

    let execution_arn = text(&fields, "executionArn", ARN_MAX, "pass `$$.Execution.Id`")?;
    let waiting = match (token, resource) {
        (Some(_), Some(_)) => {
            return Err(Raised::invalid(
                "the payload has a `taskToken` and a `ResponseURL`: who waits? Pass on one of them",
            ));
        }
        (Some(token), None) => Some(Waiting::Task(token)),
        (None, resource) => resource.map(Waiting::Resource),
    };
    if matches!(waiting, Some(Waiting::Task(_))) && execution_arn.is_none() {
        return Err(Raised::invalid(
            "`taskToken` without `executionArn`: pass `\"executionArn.$\": \"$$.Execution.Id\"` beside the token",
        ));
    }
    let idempotency_key = text(
        &fields,
        "idempotencyKey",
        KEY_MAX,
        "leave it out if there is none",
    )?;
    let policy = text(
        &fields,
        "policy",
        KEY_MAX,
        "leave it out for the default policy",
    )?;

    let replace_session = match fields.get("onSessionLost").map(Value::as_str) {
        None | Some(Some("fail")) => false,
        Some(Some("replace")) => true,
        Some(_) => {
            return Err(Raised::invalid(
                "`onSessionLost` must be `fail` (the default) or `replace`, which runs the statement in a new session",
            ));
        }
    };

    let wait_when_busy = match fields.get("whenBusy").map(Value::as_str) {
        None | Some(Some("fail")) => false,
        Some(Some("wait")) => true,
        Some(_) => {
            return Err(Raised::invalid(
                "`whenBusy` must be `fail` (the default) or `wait`, which tries a start again while its target has no room",
            ));
        }
    };

    let mut payload = Value::Object(fields);
    for_each_text(&mut payload, &mut |text| secrets.lend(text));
    if secrets.lent() > LENT_MAX {
        return Err(Raised::invalid(format!(
            "the payload holds more than {LENT_MAX} secrets in its SQL (literals after words such as PASSWORD, access keys, \
             signatures); split it up"
        )));
    }
    if secrets.is_misread() {
        return Err(Raised::invalid(
            "the SQL reads otherwise when its secrets (literals after words such as PASSWORD, access keys, signatures) are taken \
             out for the policy; write them as plain literals, apart from comments and other quotes",
        ));
    }
    Ok(Intake {
        payload,
        waiting,
        execution_arn,
        idempotency_key,
        replace_session,
        wait_when_busy,
        policy,
        secrets,
    })
}

/// Takes the values of fields that are meant to be a secret one, at any depth. Their names stay, so that the policy
/// can say which one was meant.
fn hide_secret_fields(fields: &mut Map<String, Value>, secrets: &mut Secrets) {
    for (name, value) in fields.iter_mut() {
        let plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        match value {
            Value::String(text)
                if matches!(plain.as_str(), "tasktoken" | "responseurl") && text != HIDDEN =>
            {
                secrets.take(text);
                HIDDEN.clone_into(text);
            }
            other => hide_in_value(other, secrets),
        }
    }
}

fn hide_in_value(value: &mut Value, secrets: &mut Secrets) {
    match value {
        Value::Object(fields) => hide_secret_fields(fields, secrets),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| hide_in_value(item, secrets)),
        _ => {}
    }
}

fn text(
    fields: &Map<String, Value>,
    name: &str,
    max: usize,
    help: &str,
) -> Result<Option<String>, Raised> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.chars().count() <= max => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(Raised::invalid(format!(
            "`{name}` must be a text of 1 to {max} characters; {help}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_token_is_kept_by_the_host_and_gone_from_every_text() {
        let intake = take(json!({
            "taskToken": "T0KEN-0123456789", "executionArn": "arn:e", "sqlStatement": "select 'T0KEN-0123456789'", "deep": [{"x": "aT0KEN-0123456789b"}]
        }))
        .unwrap();
        assert_eq!(
            intake.waiting.as_ref().and_then(Waiting::secret),
            Some("T0KEN-0123456789")
        );
        assert!(
            !intake.payload.to_string().contains("T0KEN"),
            "{}",
            intake.payload
        );
        assert!(!format!("{intake:?}").contains("T0KEN"));
        assert_eq!(intake.payload["executionArn"], "arn:e");
    }

    #[test]
    fn a_misspelt_secret_is_hidden_but_named() {
        let intake =
            take(json!({"TaskToken": "T0KEN", "inner": [[{"response_url": "https://u"}]]}))
                .unwrap();
        assert_eq!(
            intake.payload,
            json!({"TaskToken": HIDDEN, "inner": [[{"response_url": HIDDEN}]]})
        );
        assert!(intake.waiting.is_none());
    }

    #[test]
    fn the_address_of_a_stack_is_kept_by_the_host_and_gone_from_every_text() {
        let request = json!({
            "RequestType": "Create", "ResponseURL": "https://b.example/R3SP0NSE", "StackId": "s", "RequestId": "r",
            "LogicalResourceId": "l", "sqlStatement": "select 'https://b.example/R3SP0NSE'"
        });
        let intake = take(request.clone()).unwrap();
        assert_eq!(
            intake.waiting.as_ref().and_then(Waiting::secret),
            Some("https://b.example/R3SP0NSE")
        );
        assert_eq!(intake.payload["ResponseURL"], HIDDEN);
        assert!(!format!("{intake:?}{}", intake.payload).contains("R3SP0NSE"));

        let mut both = request;
        both["taskToken"] = json!("t");
        both["executionArn"] = json!("a");
        assert!(take(both).unwrap_err().message.contains("who waits?"));
    }

    #[test]
    fn a_token_needs_its_execution() {
        let error = take(json!({"taskToken": "t", "sqlStatement": "select 1"})).unwrap_err();
        assert_eq!(error.error_type, "InvalidRequest");
        assert!(error.message.contains("executionArn"));
        assert!(take(json!({"executionArn": "arn:e", "sqlStatement": "select 1"})).is_ok());
    }

    #[test]
    fn more_secrets_than_anybody_has_are_refused() {
        let keys: String = (0..=LENT_MAX).map(|n| format!("AKIA{n:016} ")).collect();
        let error = take(json!({ "sqlStatement": keys })).unwrap_err();
        assert_eq!(error.error_type, "InvalidRequest");
        assert!(error.message.contains("1000 secrets"), "{}", error.message);
        let tokens: Vec<_> = (0..=TAKEN_MAX)
            .map(|n| json!({ "task_token": format!("T{n}") }))
            .collect();
        let error = take(json!({"sqlStatement": "select 1", "x": tokens})).unwrap_err();
        assert!(error.message.contains("taskToken"), "{}", error.message);
    }

    #[test]
    fn every_secret_literal_of_the_sql_is_kept_from_the_policy() {
        let sql = "copy t from 's3://b' access_key_id 'AKIAIOSFODNN7EXAMPLE' secret_access_key -- c\n 'wJalrXUtn' session_token E'FwoG\\'ZX' csv";
        let intake = take(json!({ "sqlStatement": sql })).unwrap();
        let seen = intake.payload["sqlStatement"].as_str().unwrap();
        for secret in ["AKIA", "wJalr", "FwoG"] {
            assert!(!seen.contains(secret), "{seen}");
        }
        assert_eq!(intake.secrets.restore(seen).unwrap(), sql);
    }

    #[test]
    fn fields_of_the_host_have_their_form() {
        for bad in [
            json!([]),
            json!("x"),
            json!({"taskToken": 1, "executionArn": "a"}),
            json!({"taskToken": "", "executionArn": "a"}),
            json!({"taskToken": "x".repeat(2_049), "executionArn": "a"}),
            json!({"executionArn": ["a"]}),
            json!({"idempotencyKey": ""}),
            json!({"policy": 7}),
            json!({"onSessionLost": "repair"}),
            json!({"whenBusy": "queue"}),
            json!({"whenBusy": 1}),
            json!({"onSessionLost": true}),
        ] {
            assert_eq!(
                take(bad.clone()).unwrap_err().error_type,
                "InvalidRequest",
                "{bad}"
            );
        }
        assert!(take(json!({"taskToken": "x".repeat(2_048), "executionArn": "a"})).is_ok());
    }
}
