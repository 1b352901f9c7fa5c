//! On which line of a TOML text a key is.

use toml::de::{DeTable, DeValue};

/// The way to a key: names, and numbers of list items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Item(usize),
}

impl Path {
    pub(crate) fn of(names: &[&str]) -> Self {
        Self(
            names
                .iter()
                .map(|name| Step::Name((*name).to_owned()))
                .collect(),
        )
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.0.push(Step::Name(name.to_owned()));
        self
    }

    pub(crate) fn item(mut self, index: usize) -> Self {
        self.0.push(Step::Item(index));
        self
    }

    /// Goes on by a JSON Pointer (RFC 6901), as the findings of a policy have it. What is all digits counts as the
    /// number of an item.
    pub(crate) fn within(mut self, pointer: &str) -> Self {
        for token in pointer.split('/').skip(1) {
            self = match token.parse() {
                Ok(index) => self.item(index),
                Err(_) => self.name(&token.replace("~1", "/").replace("~0", "~")),
            };
        }
        self
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if at == 0 => write!(f, "{name}")?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The line of a key, counted from 1; of the nearest one above it that is there if it is not.
pub(crate) fn line_of(text: &str, path: &Path) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut table = Some(root.get_ref());
    let mut value: Option<&DeValue<'_>> = None;
    for step in &path.0 {
        let next = match step {
            Step::Name(name) => {
                let inside = table.or_else(|| value.and_then(DeValue::as_table));
                inside
                    .and_then(|inside| inside.iter().find(|(key, _)| key.get_ref() == name))
                    .map(|(key, value)| (key.span().start, value.get_ref()))
            }
            Step::Item(index) => value
                .and_then(DeValue::as_array)
                .and_then(|items| items.get(*index))
                .map(|item| (item.span().start, item.get_ref())),
        };
        let Some((start, inner)) = next else {
            break;
        };
        found = Some(start);
        table = None;
        value = Some(inner);
    }
    let before = text.get(..found?)?;
    Some(before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "revision = 1\n\n[policies.\"a.b\"]\nbuiltin = \"standard\"\n\n[[policies.\"a.b\".settings.rules]]\nname = \"one\"\n\n[[policies.\"a.b\".settings.rules]]\nname = \"two\"\nwhen = { kinds = [\n  \"x\",\n  \"y\"] }\n";

    #[test]
    fn keys_and_items_have_their_line() {
        let settings = || Path::of(&["policies", "a.b", "settings"]);
        for (path, line) in [
            (Path::of(&["revision"]), 1),
            (Path::of(&["policies", "a.b"]), 3),
            (settings().within("/rules/0/name"), 7),
            (settings().within("/rules/1"), 9),
            (settings().within(""), 6),
            (settings().within("/rules/1/when/kinds/1"), 13),
            (settings().within("/rules/1/gone/deeper"), 9),
            (Path::of(&["policies", "a.b", "gone"]), 3),
        ] {
            assert_eq!(line_of(TEXT, &path), Some(line), "{path}");
        }
        let shown = settings().within("/rules/1/a~1b~01").to_string();
        assert_eq!(shown, "policies.a.b.settings.rules[1].a/b~1");
        assert_eq!(line_of(TEXT, &Path::of(&["gone"])), None);
        assert_eq!(line_of("= broken", &Path::of(&["a"])), None);
    }
}
