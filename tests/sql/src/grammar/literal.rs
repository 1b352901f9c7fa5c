//! Literals, many of which look like SQL inside.

use super::Grammar;

/// What stands in literals: parts of statements, quotes, comments.
const INSIDE: [&str; 24] = [
    "one",
    "",
    "x y",
    "%",
    "2026-01-01",
    "a;b",
    "-- x",
    "/*",
    "*/",
    "from secret.t",
    "$$",
    "$x$",
    "\"",
    " from secret.keys --",
    "' || (select max(c) from secret.keys) || '",
    ") from secret.t",
    "\u{a0}",
    "é",
    "select",
    ":x",
    "{fn x()}",
    "?",
    "E",
    "secret",
];

impl Grammar<'_> {
    /// A text.
    pub(super) fn text_literal(&mut self) {
        let inside = self.rng.pick(&INSIDE).to_owned();
        let quoted = inside.replace('\'', "''");
        let tag = self.rng.pick(&["", "x", "tag", "é", "_1", "X"]).to_owned();
        let range = if self.is_tame { 34 } else { 60 };
        let token = match self.rng.below(range) {
            0..22 => format!("'{quoted}'"),
            22..25 => format!("E'{}'", quoted.replace('\\', "\\\\")),
            25 => format!("e'{}\\''", quoted.replace('\\', "\\\\")),
            26..29 if !inside.contains(&format!("${tag}$")) => format!("${tag}${inside}${tag}$"),
            29 => format!("N'{quoted}'"),
            30 => format!("'{quoted}'\n'{quoted}'"),
            31 => format!("'{quoted}' -- '\n  '{quoted}'"),
            32 => format!("'{quoted}\\\\'"),
            33 => format!("'\\'{}'", inside.replace('\'', "")),
            34 => format!("'{quoted}\\'"),
            35 => "U&'\\0061\\+000062'".to_owned(),
            36 => format!("E'\\047{quoted}'"),
            _ => format!("'{quoted}'"),
        };
        self.raw(token);
        if self.wild(3) {
            self.two_readings();
        }
    }

    /// What one reading of backslashes takes for a part of a text and the other for SQL, so that both can run.
    pub(super) fn two_readings(&mut self) {
        let table = self
            .rng
            .pick(&["secret.keys", "payroll", "finance.t", "\"Mixed\""])
            .to_owned();
        let token = match self.rng.below(6) {
            0 => format!("|| '\\' || (select max(c) from {table}) --'\n"),
            1 => format!("|| '\\'' || (select max(c) from {table}) || 'x'"),
            2 => format!("|| '\\' || (select max(c) from {table}) || '\\'"),
            3 => format!("|| E'\\' || (select max(c) from {table}) --'\n"),
            4 => format!("|| $a$ $b$ $a$ || (select max(c) from {table}) || $b$ $a$ $b$"),
            _ => format!("/* /* */ || (select max(c) from {table}) -- */ */\n"),
        };
        self.raw(token);
    }

    /// A number.
    pub(super) fn number(&mut self) {
        let number = self
            .rng
            .pick(&[
                "1", "2", "0", "3", "10", "-1", "1e0", "1.", ".5", "1.5e+1", "007",
            ])
            .to_owned();
        let is_whole = number.chars().all(|c| c.is_ascii_digit());
        match is_whole {
            true => self.raw(number),
            false => self.raw(format!("({number})::int")),
        }
    }

    /// A date.
    pub(super) fn date_literal(&mut self) {
        let text = self
            .rng
            .pick(&[
                "date '2026-01-01'",
                "'2026-02-01'::date",
                "current_date",
                "cast('2026-03-01' as date)",
                "date $$2026-01-01$$",
            ])
            .to_owned();
        self.raw(text);
    }
}
