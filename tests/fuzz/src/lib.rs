//! What each target does with its bytes. libFuzzer bounds time, memory and stack; these check what must hold beside.

/// Masking: it never fails, is idempotent, and hides what lending finds.
pub fn masking(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    use signalbox_sql::secrets;
    let masked = secrets::mask(&text);
    assert_eq!(secrets::mask(&masked), masked, "masked twice");
    let values = secrets::mask_values(&text);
    assert_eq!(secrets::mask_values(&values), values, "masked twice");
    let _ = secrets::mask_quoted(&text);

    // What is lent is hidden where it is masked. What stands elsewhere too may be no secret there.
    let mut end = 0;
    for range in secrets::find(&text) {
        assert!(end <= range.start, "in order, none within another");
        end = range.end;
        // Stars and quotes may be those of the mask.
        let secret = text[range].trim_matches('\'');
        let is_told = secret.len() > 5 && !secret.contains('*');
        // A literal that holds a secret is written anew, without the backslashes that it does not need.
        let is_once = |text: &str| text.matches(secret).count() <= 1;
        if is_told && is_once(&text) && is_once(&text.replace('\\', "")) {
            assert!(!masked.contains(secret), "shown");
        }
    }
}

/// The lexer and the classifier.
pub fn sql(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let joined: String = signalbox_sql::lexer::tokens(&text)
        .map(|token| token.text)
        .collect();
    assert_eq!(joined, text, "the tokens are the text");
    let _ = signalbox_sql::classify(&text);
    let _ = signalbox_sql::count_statements(&text);
    let _ = signalbox_sql::placeholders(&text);
}

/// Settings of the standard policy.
#[cfg(feature = "kit")]
pub fn settings(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = signalbox_kit::settings::read(text);
    }
}

/// A payload on its way to a policy, and its SQL on its way to Redshift.
#[cfg(feature = "host")]
pub fn payload(data: &[u8]) {
    use signalbox_tasker::{bounds, intake};
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if bounds::PAYLOAD.check(text).is_err() {
        return;
    }
    let Ok(payload) = serde_json::from_str::<serde_json::Value>(text) else {
        return;
    };
    let whole = payload.get("sqlStatement").cloned();
    let has_token = payload.get("taskToken").is_some() || payload.get("ResponseURL").is_some();
    let Ok(intake) = intake::take(payload) else {
        return;
    };
    let lent = intake
        .payload
        .get("sqlStatement")
        .and_then(|sql| sql.as_str());
    if let (Some(lent), Some(whole), false) =
        (lent, whole.as_ref().and_then(|sql| sql.as_str()), has_token)
    {
        let restored = intake.secrets.restore(lent).expect("the caller's own SQL");
        assert_eq!(restored, whole, "it runs as it was written");
    }
    let _ = intake.secrets.scrubbed(text);
}

/// An event.
#[cfg(feature = "host")]
pub fn event(data: &[u8]) {
    use signalbox_lambda::event::Event;
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(Event::Queue(records)) = Event::read(text)
    {
        for record in records {
            let _ = record.message();
        }
    }
}

/// A manifest.
#[cfg(feature = "host")]
pub fn manifest(data: &[u8]) {
    use signalbox_lambda::set::manifest::{Around, read};
    if let Ok(text) = std::str::from_utf8(data) {
        let around = Around {
            name: "set.toml",
            targets: None,
            ceilings: Default::default(),
        };
        let _ = read(text, &around);
    }
}

/// A decision record.
#[cfg(feature = "host")]
pub fn record(data: &[u8]) {
    use signalbox_tasker::bounds;
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if bounds::RECORD.check_each(text).is_err() {
        return;
    }
    for document in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
        let Ok(document) = document else { return };
        if let Ok(record) = serde_json::from_value::<signalbox_policy::DecisionRecord>(document) {
            let _ = serde_json::to_string(&record);
        }
    }
}
