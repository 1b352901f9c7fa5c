//! The ways to name a function.

use crate::{ACCOUNT, REGION};

/// The most characters of a function's name, with all that may stand before and behind it.
const LONGEST: usize = 170;

/// A function as a caller names it: `name`, `name:alias`, `account:function:name`, or a full ARN, each with or
/// without an alias or version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionName {
    /// Its bare name.
    pub name: String,
    /// The alias or version.
    pub qualifier: Option<String>,
    region: String,
    account: String,
}

impl FunctionName {
    /// Reads one. None if the text has not the shape.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().count() > LONGEST {
            return None;
        }
        let mut parts = text.split(':').peekable();
        let has_arn = parts.next_if_eq(&"arn").is_some();
        if has_arn {
            parts.next_if(|part| part.starts_with("aws"))?;
            parts.next_if_eq(&"lambda")?;
        }
        let region = parts.next_if(|part| is_region(part));
        let account = parts.next_if(|part| is_account(part));
        let is_whole = region.is_some() && account.is_some();
        let says_function = parts.next_if_eq(&"function").is_some();
        if has_arn && !(is_whole && says_function) {
            return None;
        }
        let name = parts.next().filter(|name| is_name(name))?;
        let qualifier = parts.next();
        if parts.next().is_some() || qualifier.is_some_and(|qualifier| !is_qualifier(qualifier)) {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
            region: region.unwrap_or(REGION).to_owned(),
            account: account.unwrap_or(ACCOUNT).to_owned(),
        })
    }

    /// The ARN that was invoked: that of the alias or version, if one is named.
    #[must_use]
    pub fn arn(&self) -> String {
        let (region, account, name) = (&self.region, &self.account, &self.name);
        let qualifier = self
            .qualifier
            .as_ref()
            .map(|qualifier| format!(":{qualifier}"))
            .unwrap_or_default();
        format!("arn:aws:lambda:{region}:{account}:function:{name}{qualifier}")
    }
}

/// Whether a text can be a function's bare name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=140).contains(&text.len()) && text.bytes().all(letters)
}

/// Whether a text can be an alias or version.
pub(super) fn is_qualifier(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    text == "$LATEST" || (1..=128).contains(&text.len()) && text.bytes().all(letters)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Such as `us-east-1` or `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let small = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [first, middle @ .., last] => {
            first.len() == 2
                && small(first)
                && (1..=2).contains(&middle.len())
                && middle.iter().all(small)
                && last.len() == 1
                && last.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> (String, Option<String>, String) {
        let parsed = FunctionName::parse(text).expect(text);
        (parsed.name.clone(), parsed.qualifier.clone(), parsed.arn())
    }

    #[test]
    fn every_form_is_understood() {
        let here = "arn:aws:lambda:us-east-1:000000000000:function:tasker";
        let there = "arn:aws:lambda:eu-west-1:123456789012:function:tasker";
        for (text, qualifier, arn) in [
            ("tasker", None, here.to_owned()),
            ("tasker:live", Some("live"), format!("{here}:live")),
            ("tasker:7", Some("7"), format!("{here}:7")),
            ("tasker:$LATEST", Some("$LATEST"), format!("{here}:$LATEST")),
            ("function:tasker", None, here.to_owned()),
            (
                "123456789012:function:tasker:live",
                Some("live"),
                "arn:aws:lambda:us-east-1:123456789012:function:tasker:live".to_owned(),
            ),
            (there, None, there.to_owned()),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:tasker:live",
                Some("live"),
                format!("{there}:live"),
            ),
        ] {
            let qualifier = qualifier.map(str::to_owned);
            assert_eq!(parts(text), ("tasker".to_owned(), qualifier, arn), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            ":",
            "a b",
            "tasker:",
            "tasker:live:more",
            "tasker:no/alias",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:lambda:us-east-1:function:tasker",
            "arn:aws:states:us-east-1:123456789012:function:tasker",
            "arn:aws:lambda:us-east-1:123456789012:layer:tasker",
            "../tasker",
        ] {
            assert_eq!(FunctionName::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_arn_means_itself(text in "[a-z$:0-9-]{0,40}|arn:aws:lambda:[a-z0-9:-]{0,40}") {
            if let Some(parsed) = FunctionName::parse(&text) {
                let arn = parsed.arn();
                prop_assert_eq!(FunctionName::parse(&arn), Some(parsed));
            }
        }
    }
}
