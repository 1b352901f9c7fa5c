//! Policies of resources: whether one lets a rule of EventBridge in.

use serde_json::{Map, Value};

use super::fit::{Fit, glob};

/// EventBridge, as policies name it.
const SERVICE: &str = "events.amazonaws.com";

/// Whether a policy, JSON, allows an action to a rule.
pub(super) fn allows(policy: Option<&str>, action: &str, rule_arn: &str) -> Fit {
    let Some(policy) = policy else {
        return Fit::No;
    };
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return Fit::Open("its policy is no JSON".to_owned());
    };
    let statements = list(policy.get("Statement"));
    let of = |effect: &str| {
        let statements = statements
            .iter()
            .filter(|of| of.get("Effect").is_some_and(|of| of == effect));
        Fit::any(statements.map(|statement| applies(statement, action, rule_arn)))
    };
    Fit::all([of("Allow"), of("Deny").not()])
}

fn applies(statement: &Value, action: &str, rule_arn: &str) -> Fit {
    // These turn the sense of what they list; who writes them has thought of more than can be told here.
    if ["NotPrincipal", "NotAction", "NotResource"]
        .iter()
        .any(|name| statement.get(name).is_some())
    {
        return Fit::Open(
            "its policy excludes by NotAction, NotPrincipal or NotResource".to_owned(),
        );
    }
    let conditions = statement.get("Condition").and_then(Value::as_object);
    Fit::all([
        Fit::of(statement.get("Principal").is_some_and(is_eventbridge)),
        Fit::of(list(statement.get("Action")).iter().any(|of| {
            of.as_str()
                .is_some_and(|of| glob(&of.to_lowercase(), &action.to_lowercase(), true))
        })),
        Fit::all(
            conditions
                .into_iter()
                .flatten()
                .map(|(operator, keys)| match keys {
                    Value::Object(keys) => holds(operator, keys, rule_arn),
                    _ => Fit::Open("a condition of its policy is not understood".to_owned()),
                }),
        ),
    ])
}

fn is_eventbridge(principal: &Value) -> bool {
    let any = |value: Option<&Value>| list(value).iter().any(|of| of == "*");
    principal == "*"
        || any(principal.get("AWS"))
        || list(principal.get("Service"))
            .iter()
            .any(|of| of == SERVICE)
}

/// Whether a condition holds for a request that EventBridge makes for the rule.
fn holds(operator: &str, keys: &Map<String, Value>, rule_arn: &str) -> Fit {
    Fit::all(keys.iter().map(|(key, wanted)| {
        let actual = match key.to_lowercase().as_str() {
            "aws:sourcearn" => rule_arn,
            "aws:sourceaccount" => rule_arn.split(':').nth(4).unwrap_or_default(),
            // EventBridge sends over TLS.
            "aws:securetransport" => "true",
            _ => return Fit::Open(format!("its policy has a condition on `{key}`")),
        };
        let wanted = list(Some(wanted));
        let mut texts = wanted.iter().map(|wanted| match wanted {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        match operator.trim_end_matches("IfExists") {
            "StringEquals" => Fit::of(texts.any(|wanted| wanted == actual)),
            "Bool" | "StringEqualsIgnoreCase" => {
                Fit::of(texts.any(|wanted| wanted.eq_ignore_ascii_case(actual)))
            }
            "ArnEquals" | "ArnLike" | "StringLike" => {
                Fit::of(texts.any(|wanted| glob(&wanted, actual, true)))
            }
            other => Fit::Open(format!("its policy has a condition `{other}`")),
        }
    }))
}

/// One thing or a list of them.
fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.clone(),
        Some(one) => vec![one.clone()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULE: &str = "arn:aws:events:eu-west-1:123456789012:rule/ended";

    fn allowed(statements: &Value) -> Fit {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        allows(Some(&policy), "sqs:SendMessage", RULE)
    }

    fn allow(extra: Value) -> Value {
        let mut statement = json!({
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*"
        });
        for (name, value) in extra.as_object().expect("an object") {
            statement[name] = value.clone();
        }
        statement
    }

    #[test]
    fn what_lets_the_rule_in_and_what_does_not() {
        for statement in [
            allow(json!({})),
            allow(json!({ "Action": ["sqs:ReceiveMessage", "SQS:Send*"] })),
            allow(json!({ "Principal": "*" })),
            allow(json!({ "Principal": { "AWS": "*" }, "Action": "*" })),
            allow(json!({ "Condition": { "ArnEquals": { "aws:SourceArn": RULE } } })),
            allow(
                json!({ "Condition": { "ArnLike": { "AWS:SourceArn": ["x", "arn:aws:events:*:*:rule/*"] } } }),
            ),
            allow(
                json!({ "Condition": { "StringEquals": { "aws:SourceAccount": "123456789012" } } }),
            ),
            allow(json!({ "Condition": { "Bool": { "aws:SecureTransport": true } } })),
        ] {
            assert_eq!(allowed(&statement), Fit::Yes, "{statement}");
        }
        for statement in [
            json!([]),
            allow(json!({ "Principal": { "Service": "sns.amazonaws.com" } })),
            allow(json!({ "Action": "sqs:ReceiveMessage" })),
            allow(
                json!({ "Condition": { "ArnEquals": { "aws:SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/other" } } }),
            ),
            allow(json!({ "Condition": { "StringEquals": { "aws:SourceAccount": "1" } } })),
            json!([allow(json!({})), { "Effect": "Deny", "Principal": "*", "Action": "sqs:*" }]),
        ] {
            assert_eq!(allowed(&statement), Fit::No, "{statement}");
        }
        let plain = json!({ "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } });
        assert_eq!(allowed(&json!([plain, allow(json!({}))])), Fit::Yes);
        assert_eq!(allows(None, "sqs:SendMessage", RULE), Fit::No);
    }

    #[test]
    fn what_cannot_be_told_is_open() {
        for statement in [
            allow(json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-1" } } })),
            allow(json!({ "Condition": { "NumericLessThan": { "aws:SourceAccount": "1" } } })),
            allow(json!({ "NotAction": "sqs:ReceiveMessage" })),
        ] {
            assert!(matches!(allowed(&statement), Fit::Open(_)), "{statement}");
        }
        assert!(matches!(
            allows(Some("{"), "sqs:SendMessage", RULE),
            Fit::Open(_)
        ));
    }
}
