//! Takes out of a record what must not be kept, and what the deployer does not want kept.

use std::fmt;

use serde_json::{Map, Value};
use signalbox_policy::{
    DecisionRecord, functions,
    record::{MaskRule, Masked},
    replay::Conceal,
};
use signalbox_tasker::secrets::{is_secret_word, mask_quoted, mask_sql, secrets_out};

use super::repeats::repeats_a_name;

/// What stands where something was hidden.
const HIDDEN: &str = "***";
/// Places that are named in a record; more are only counted as one.
const PLACES: usize = 32;
/// Fields that hold SQL: of the contract, of payloads, of the service's documents.
const SQL: [&str; 11] = [
    "sql",
    "sqls",
    "sqlstatement",
    "sqlstatements",
    "querystring",
    "querystrings",
    "querytext",
    "statement_sql",
    // Of `expect`.
    "istrue",
    "norows",
    "of",
];
/// Fields that hold messages.
const MESSAGES: [&str; 5] = ["error", "message", "cause", "errormessage", "reason"];
/// Fields that hold values for SQL.
const PARAMETERS: [&str; 2] = ["parameters", "queryparameters"];
/// The text that holds a caller's payload.
const PAYLOAD: &str = "payload";
/// Fields of a payload that `docs/reference/payload.md` explains. Any other is the caller's own, and may hold anything.
pub(super) const EXPLAINED: [&str; 37] = [
    "action",
    "deadlineSeconds",
    "executionArn",
    "executionMode",
    "expect",
    "heartbeat",
    "idempotencyKey",
    "labels",
    "largeResult",
    "LogicalResourceId",
    "maxResultBytes",
    "maxResultRows",
    "nextToken",
    "OldResourceProperties",
    "onSessionLost",
    "onStop",
    "output",
    "parameters",
    "PhysicalResourceId",
    "policy",
    "RequestId",
    "RequestType",
    "ResourceProperties",
    "ResourceType",
    "resultFormat",
    "sessionId",
    "sessionKeepAliveSeconds",
    "singletonKey",
    "sqlStatement",
    "sqlStatements",
    "StackId",
    "statementId",
    "step",
    "target",
    "waitSeconds",
    "whenBusy",
    "ServiceToken",
];
/// Fields of a payload that hold such fields themselves.
const WRAPPERS: [&str; 2] = ["ResourceProperties", "OldResourceProperties"];

/// The record as JSON, masked.
pub(super) fn masked(record: &DecisionRecord, rule: MaskRule) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    let mut mask = Mask {
        rule,
        places: Vec::new(),
    };
    if let Value::Object(fields) = &mut value {
        let read_results = record
            .calls
            .iter()
            .any(|call| call.function == functions::GET_STATEMENT_RESULT);
        for (name, field) in fields {
            match name.as_str() {
                // What these hold is the host's own.
                "policy" | "usage" | "host" | "format" => {}
                "decision" => mask.decision(field, read_results, Place::Field(&Place::Top, name)),
                name => mask.value(field, name, Place::Field(&Place::Top, name)),
            }
        }
    }
    if !mask.places.is_empty() {
        mask.places.truncate(PLACES);
        let masked = Masked {
            rule,
            places: mask.places,
        };
        if let (Value::Object(fields), Ok(masked)) = (&mut value, serde_json::to_value(masked)) {
            fields.insert("masked".to_owned(), masked);
        }
    }
    value
}

/// Hides in what is compared with a record what is hidden in the record.
#[derive(Debug, Clone, Copy)]
pub struct Concealed(pub MaskRule);

impl Conceal for Concealed {
    fn arguments(&self, mut arguments: Value) -> Value {
        self.mask().value(&mut arguments, "arguments", Place::Top);
        arguments
    }

    fn decision(&self, mut decision: Value, read_results: bool) -> Value {
        self.mask()
            .decision(&mut decision, read_results, Place::Top);
        decision
    }
}

impl Concealed {
    fn mask(self) -> Mask {
        Mask {
            rule: self.0,
            places: Vec::new(),
        }
    }
}

struct Mask {
    rule: MaskRule,
    places: Vec<String>,
}

impl Mask {
    /// Masks a decision. What a policy makes of rows cannot be told from the rows: it is hidden as a whole.
    fn decision(&mut self, decision: &mut Value, read_results: bool, place: Place<'_>) {
        if !(read_results && self.rule == MaskRule::Literals) {
            return self.value(decision, "decision", place);
        }
        for pointer in [
            "/invoked/reply",
            "/invoked/answer/output",
            "/invoked/answer/cause",
            "/settled/answer/output",
            "/settled/answer/cause",
            "/rejected/message",
        ] {
            if let Some(value) = decision.pointer_mut(pointer)
                && !value.is_null()
            {
                *value = Value::from(HIDDEN);
                self.places.push(format!("{place}{pointer}"));
            }
        }
        self.value(decision, "decision", place);
    }

    /// Masks a value that is the field `name` of something, at `place`.
    fn value(&mut self, value: &mut Value, name: &str, place: Place<'_>) {
        match value {
            _ if self.hides_all(name, value) => self.hide_all(value, place),
            Value::Object(fields) => self.object(fields, place),
            Value::Array(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    self.value(item, name, Place::Item(&place, n));
                }
            }
            Value::String(text) => {
                let masked = self.text(text, name);
                if masked != *text {
                    *text = masked;
                    self.places.push(place.to_string());
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Whether all of the field is hidden: a secret by its name; or rows, or parameters by their names.
    fn hides_all(&self, name: &str, value: &Value) -> bool {
        if is_secret_word(name) {
            return true;
        }
        let is_values = (value.is_array() && is_one_of(name, &["records"]))
            || (value.is_object() && is_one_of(name, &PARAMETERS));
        self.rule == MaskRule::Literals && is_values
    }

    fn object(&mut self, fields: &mut Map<String, Value>, place: Place<'_>) {
        self.names(fields, place);
        // A parameter: `{"name": "password", "value": "…"}`.
        let is_parameter = fields.len() == 2 && fields.contains_key("value");
        let named = fields.get("name").and_then(Value::as_str);
        if let (true, Some(parameter)) = (is_parameter, named) {
            let hides = self.rule == MaskRule::Literals || is_secret_word(parameter);
            if let (true, Some(value)) = (hides, fields.get_mut("value")) {
                self.hide_all(value, Place::Field(&place, "value"));
            }
        }
        for (name, field) in fields {
            self.value(field, name, Place::Field(&place, name));
        }
    }

    /// Masks the names of fields, which are anybody's text in a payload.
    fn names(&mut self, fields: &mut Map<String, Value>, place: Place<'_>) {
        if fields.keys().all(|name| secrets_out(name) == *name) {
            return;
        }
        *fields = std::mem::take(fields)
            .into_iter()
            .map(|(name, value)| (secrets_out(&name), value))
            .collect();
        self.places.push(place.to_string());
    }

    /// Masks a text, which may be JSON itself.
    fn text(&self, text: &str, name: &str) -> String {
        let trimmed = text.trim_start();
        if trimmed.starts_with(['{', '['])
            && let Ok(mut inner) = serde_json::from_str::<Value>(text)
        {
            let mut mask = Self {
                rule: self.rule,
                places: Vec::new(),
            };
            if self.rule == MaskRule::Literals && is_one_of(name, &[PAYLOAD]) {
                mask.unexplained(&mut inner, Place::Top);
            }
            mask.value(&mut inner, name, Place::Top);
            // The very text matters to a policy: only what is changed is written anew, or what says more than was read
            // of it.
            return if mask.places.is_empty() && !repeats_a_name(text) {
                text.to_owned()
            } else {
                inner.to_string()
            };
        }
        let text = secrets_out(text);
        match self.rule {
            MaskRule::Secrets => text,
            MaskRule::Literals if is_one_of(name, &SQL) => mask_sql(&text),
            // Of a text that may be anything: numbers in it may be parts of ids.
            MaskRule::Literals if is_one_of(name, &MESSAGES) || text.contains('\'') => {
                mask_quoted(&text)
            }
            MaskRule::Literals => text,
        }
    }

    /// Hides what fields hold that nobody explains: of those only the names are for the log.
    fn unexplained(&mut self, payload: &mut Value, place: Place<'_>) {
        let Value::Object(fields) = payload else {
            return;
        };
        for (name, field) in fields {
            let place = Place::Field(&place, name);
            if !EXPLAINED.contains(&name.as_str()) {
                self.hide_all(field, place);
            } else if WRAPPERS.contains(&name.as_str()) {
                self.unexplained(field, place);
            }
        }
    }

    fn hide_all(&mut self, value: &mut Value, place: Place<'_>) {
        if hide(value) {
            self.places.push(place.to_string());
        }
    }
}

/// Replaces every value by one that says nothing, and says whether that changed any.
fn hide(value: &mut Value) -> bool {
    // Every one is hidden, so nothing here stops at the first.
    let hide_each = |values: &mut dyn Iterator<Item = &mut Value>| {
        let mut changed = 0;
        for value in values {
            changed += usize::from(hide(value));
        }
        changed > 0
    };
    let hidden = match value {
        Value::Array(items) => return hide_each(&mut items.iter_mut()),
        Value::Object(fields) => return hide_each(&mut fields.values_mut()),
        Value::Null => return false,
        Value::Bool(_) => Value::Bool(false),
        Value::Number(_) => 0.into(),
        Value::String(_) => HIDDEN.into(),
    };
    let changes = hidden != *value;
    *value = hidden;
    changes
}

/// Whether a name is one of these, in whatever case.
fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Where something stands. As a text it is a JSON Pointer, which is made of few places only.
#[derive(Clone, Copy)]
enum Place<'a> {
    Top,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(parent, number) => write!(f, "{parent}/{number}"),
        }
    }
}
