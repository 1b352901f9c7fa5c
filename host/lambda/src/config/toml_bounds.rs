//! Bounds of a TOML text, checked before it becomes a tree.

use toml_parser::{
    ErrorSink, Source, Span,
    decoder::Encoding,
    parser::{EventReceiver, parse_document},
};

/// The most bytes of a TOML text: a configuration or a manifest.
pub(crate) const TOML_BYTES_MAX: usize = 1_048_576;
/// The most of the characters without which TOML has neither keys nor values.
const MARKS_MAX: usize = 200_000;
/// How deep a value may be: each part of its table's header and of its key counts, and each list and table around it.
const LEVELS_MAX: usize = 64;

/// Why a text is not read, and the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooMuch {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

/// Checks a text. Whether it is TOML at all is for the parser to say; one that the parser reads is within these bounds.
pub(super) fn check(text: &str) -> Result<(), TooMuch> {
    if text.len() > TOML_BYTES_MAX {
        return Err(TooMuch {
            line: None,
            message: format!(
                "it has {} bytes; at most {TOML_BYTES_MAX} are taken",
                text.len()
            ),
        });
    }
    let beyond = |at: usize, message: String| TooMuch {
        line: text
            .get(..at)
            .map(|before| before.matches('\n').count() + 1),
        message,
    };
    if let Some(at) = beyond_marks(text) {
        let message = format!(
            "it holds too much: here is the first of its marks `= . , [ {{` that is beyond {MARKS_MAX}"
        );
        return Err(beyond(at, message));
    }
    if let Some(at) = beyond_levels(text) {
        let message = format!(
            "it is nested too deeply: a value may have {LEVELS_MAX} levels, and each part of its table's header and of its \
             key is one, as is each list and table around it"
        );
        return Err(beyond(at, message));
    }
    Ok(())
}

/// Where the marks are too many. Those in texts and comments count too: what is taken is never more than it seems.
fn beyond_marks(text: &str) -> Option<usize> {
    let is_mark = |byte: u8| matches!(byte, b'=' | b'.' | b',' | b'[' | b'{');
    let mut marks = text.bytes().enumerate().filter(|(_, byte)| is_mark(*byte));
    marks.nth(MARKS_MAX).map(|(at, _)| at)
}

/// Where it becomes too deep. The parser bounds the parts of one key, and the brackets around a value, but not the two
/// together. It builds, reads and drops its tree by recursion, so a small text could overflow the stack. This counts the
/// levels from the parser's own events, before there is a tree.
fn beyond_levels(text: &str) -> Option<usize> {
    let tokens = Source::new(text).lex().into_vec();
    let mut levels = Levels::default();
    parse_document(&tokens, &mut levels, &mut ());
    levels.beyond
}

/// The levels at the place that the parser has come to.
#[derive(Default)]
struct Levels {
    /// Those of the header of the table.
    header: usize,
    /// Whether the place is in a header.
    in_header: bool,
    /// Those of the key whose value is here; none in a list.
    key: usize,
    /// Whether the next part belongs to the same key.
    after_dot: bool,
    /// The lists and inline tables around, each with the key that it is the value of.
    around: Vec<usize>,
    /// The sum of all of them.
    outer: usize,
    /// Where it became too deep first.
    beyond: Option<usize>,
}

impl Levels {
    fn check(&mut self, at: Span) {
        if self.header + self.outer + self.key > LEVELS_MAX {
            self.beyond.get_or_insert(at.start());
        }
    }

    fn open(&mut self, at: Span) -> bool {
        let levels = std::mem::take(&mut self.key) + 1;
        self.around.push(levels);
        self.outer += levels;
        self.check(at);
        // The parser skips what it does not enter.
        self.beyond.is_none()
    }

    fn close(&mut self) {
        self.outer -= self.around.pop().unwrap_or(0);
        self.key = 0;
    }

    fn open_header(&mut self) {
        self.header = 0;
        self.key = 0;
        self.after_dot = false;
        self.in_header = true;
    }

    fn close_header(&mut self) {
        self.in_header = false;
    }
}

impl EventReceiver for Levels {
    fn std_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.open_header();
    }

    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close_header();
    }

    fn array_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.open_header();
    }

    fn array_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close_header();
    }

    fn inline_table_open(&mut self, at: Span, _: &mut dyn ErrorSink) -> bool {
        self.open(at)
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close();
    }

    fn array_open(&mut self, at: Span, _: &mut dyn ErrorSink) -> bool {
        self.open(at)
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.close();
    }

    fn simple_key(&mut self, at: Span, _: Option<Encoding>, _: &mut dyn ErrorSink) {
        let is_same = std::mem::take(&mut self.after_dot);
        // A header without its end is over with the next key.
        self.in_header &= is_same || self.header == 0;
        if self.in_header {
            self.header += 1;
        } else if is_same {
            self.key += 1;
        } else {
            self.key = 1;
        }
        self.check(at);
    }

    fn key_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.after_dot = true;
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.after_dot = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a text is refused for, or nothing.
    fn refused(text: &str) -> String {
        check(text)
            .err()
            .map_or_else(String::new, |why| why.message)
    }

    /// A key of so many parts.
    fn key(parts: usize) -> String {
        vec!["k"; parts].join(".")
    }

    #[test]
    fn what_costs_too_much_is_refused() {
        for text in [
            format!("x = [{}]", "[],".repeat(150_000)),
            "a.".repeat(250_000),
            "a = 1\n".repeat(250_000),
            format!("# {}", "x".repeat(1_100_000)),
        ] {
            let message = refused(&text);
            assert!(
                message.contains("bytes; at most") || message.contains("it holds too much"),
                "{message}"
            );
        }
    }

    #[test]
    fn long_keys_within_many_tables_are_refused_with_the_line() {
        let bomb = |tables: usize, parts: usize| {
            let open = format!("{{{}=", key(parts)).repeat(tables);
            format!("\n\nx = {open}1{}\n", "}".repeat(tables))
        };
        for text in [bomb(20, 79), bomb(60, 1), bomb(1, 79), bomb(60_000, 1)] {
            let why = check(&text).expect_err("too deep");
            assert_eq!(why.line, Some(3));
            assert!(why.message.contains("nested too deeply"), "{}", why.message);
        }
        assert_eq!(check(&bomb(31, 1)), Ok(()));
        assert!(check(&bomb(32, 1)).is_err());
    }

    #[test]
    fn headers_keys_lists_and_tables_add_up() {
        let deep = [
            (format!("[{}]\n{} = 1", key(40), key(24)), 64),
            (format!("[[{}]]\n{} = 1", key(40), key(24)), 64),
            (format!("{} = [[[{{ {} = 1 }}]]]", key(30), key(30)), 64),
            (format!("x = {}1{}", "[".repeat(63), "]".repeat(63)), 64),
        ];
        for (text, levels) in deep {
            assert_eq!(levels, LEVELS_MAX);
            assert_eq!(refused(&text), "", "{text}");
            let deeper = text.replacen("= ", "= [", 1).replacen('k', "k.k", 1);
            assert_ne!(refused(&deeper), "", "{deeper}");
        }
    }

    #[test]
    fn what_is_beside_another_and_what_texts_and_comments_hold_does_not_count() {
        let brackets = "[{".repeat(1_000);
        for text in [
            format!("# {brackets}\na = '''{brackets}'''\nb = \"{brackets}\"\nc = '{brackets}'"),
            format!("x = [{}]", "[[1.5]], ".repeat(1_000)),
            format!(
                "x = {{ {} }}",
                (0..500)
                    .map(|n| format!("a.b{n} = {{}}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            (0..1_000)
                .map(|n| format!("[a.b{n}]\nc.d.e = [1, 2]\n"))
                .collect(),
        ] {
            assert_eq!(refused(&text), "");
        }
        // A key that is quoted is one part, whatever it holds.
        assert_eq!(refused(&format!("\"{}\" = 1", key(500))), "");
        // A header that lacks its end is for the parser to refuse, with its own line.
        let keys: String = (0..500).map(|n| format!("k{n} = 1\n")).collect();
        for header in ["[a", "[[a", "[[a]", "[a.", "["] {
            assert_eq!(refused(&format!("{header}\n{keys}")), "", "{header}");
        }
    }

    /// The levels of a tree, lists of tables counted as one.
    fn levels(value: &toml::Value) -> usize {
        match value {
            toml::Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
            toml::Value::Table(table) => 1 + table.values().map(levels).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        /// Brackets, keys and ends in any order: whatever the parser takes for TOML is no deeper than the bound, and
        /// what is broken is refused or fails in the parser, which returns.
        #[test]
        fn nothing_that_is_taken_is_deeper_than_the_bound(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("x = ".to_owned()), Just("{".to_owned()), Just("}".to_owned()), Just("[".to_owned()),
                    Just("]".to_owned()), Just(",".to_owned()), Just("\n".to_owned()), Just("1.5".to_owned()),
                    Just("\"".to_owned()), Just("'''".to_owned()), Just("#".to_owned()), Just("\n[h.h]\n".to_owned()),
                    (1_usize..80).prop_map(|parts| format!("{} = {{", key(parts))),
                ],
                0..80,
            )
        ) {
            let text = parts.concat();
            if check(&text).is_ok()
                && let Ok(table) = toml::from_str::<toml::Table>(&text)
            {
                // A list of tables is a list and a table, and counts once.
                prop_assert!(levels(&toml::Value::Table(table)) <= 2 * LEVELS_MAX + 1);
            }
        }
    }
}
