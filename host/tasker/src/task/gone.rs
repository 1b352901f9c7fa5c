//! Statements whose policy is not in force any more: their tasks are answered as the original would.

use serde_json::{Value, json};
use signalbox_policy::{Answer, contract::StatementDescription};

use super::{answer, services::clean_document, settler::Settler};
use crate::{
    completion_event::{Ended, status_name},
    original,
    record::Record,
    secrets::Secrets,
};

impl Settler {
    /// What the original answers: the completion event, as far as Redshift confirms it.
    pub(super) fn as_original(
        record: &Record,
        ended: &Ended<'_>,
        description: &StatementDescription,
    ) -> Answer {
        let mut secrets = Secrets::default();
        for token in record.tokens() {
            secrets.take(token.reveal());
        }
        let mut whole = ended.event();
        if let Some(error) = &description.error
            && let Some(Value::Object(detail)) = whole.get_mut("detail")
        {
            detail.insert("error".to_owned(), json!(error));
        }
        let text = clean_document(&whole.to_string(), &secrets);
        let event = serde_json::from_str(&text).unwrap_or_default();
        original::answer(&event, status_name(description.status), None)
            .unwrap_or_else(|| answer::lost(&description.id))
    }
}
