//! A policy that misbehaves on request.
//!
//! What `invoke` does is the word after `"do":` in the payload; what the other exports do is the word after
//! `"validate":`, `"settle":` and `"closed":` in the settings. Without a word it behaves.
//!
//! `invoke` replies with what its calls said, in order: `{"calls":["ok","invalid-request: …"]}`.

#[cfg(target_arch = "wasm32")]
mod deeds;
#[cfg(target_arch = "wasm32")]
mod policy;

/// The text after `"key":"` up to the next quote.
#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "a host has no exports to call it")
)]
fn word<'a>(json: &'a str, key: &str) -> &'a str {
    let Some((_, rest)) = json.split_once(&format!("\"{key}\"")) else {
        return "";
    };
    rest.split('"').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_word_is_found_by_its_key() {
        assert_eq!(super::word(r#"{"do": "loop", "x": "y"}"#, "do"), "loop");
        assert_eq!(super::word("{}", "do"), "");
    }
}
