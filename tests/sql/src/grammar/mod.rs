//! Makes statements that mostly run.

mod change;
mod expression;

mod layout;
mod literal;
mod long;
mod query;
mod redshift;
mod source;
mod statement;
mod value;

pub use layout::{gap, lay_out};

use crate::rng::Rng;
use crate::text::dual;
use crate::world;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Int,
    Text,
    Bool,
    Date,
    Ints,
}

/// Something that columns are taken from.
#[derive(Debug, Clone)]
struct Source {
    /// Its name, as the database knows it.
    name: String,
    /// The schema before it, where it may be written.
    schema: Option<&'static str>,
    columns: Vec<(&'static str, Type)>,
}

/// The columns of each table.
const COLUMNS: [(&str, Type); 6] = [
    ("id", Type::Int),
    ("a", Type::Int),
    ("b", Type::Int),
    ("c", Type::Text),
    ("d", Type::Date),
    ("n", Type::Ints),
];

/// Names for aliases and queries: many are those of tables, schemas and columns, in one case or another.
const ALIASES: [&str; 24] = [
    "été",
    "ÉtÉ",
    "\u{212a}eys",
    "tmp",
    "t",
    "u",
    "x",
    "y",
    "q",
    "payroll",
    "Payroll",
    "PAYROLL",
    "sales",
    "keys",
    "Keys",
    "salaries",
    "secret",
    "a",
    "ledger",
    "select",
    "Mixed",
    "v",
    "é",
    "two words",
];

/// Words that cannot stand bare as a name.
const RESERVED: [&str; 2] = ["select", "two words"];

/// Makes one statement, as tokens.
#[derive(Debug)]
pub struct Grammar<'r> {
    rng: &'r mut Rng,
    out: Vec<String>,
    /// The sources of each query around the place, the innermost last.
    scopes: Vec<Vec<Source>>,
    /// The names that WITH gave to queries.
    queries: Vec<Source>,
    /// How many more parts may nest.
    budget: usize,
    /// Whether what Signalbox never takes for complete is left out, so that all else is tried behind it.
    is_tame: bool,
}

/// Makes a statement, as tokens without the space between them.
pub fn statement(rng: &mut Rng) -> Vec<String> {
    let budget = 2 + rng.below(14);
    let is_tame = rng.percent(65);
    let mut grammar = Grammar {
        rng,
        out: Vec::new(),
        scopes: Vec::new(),
        queries: Vec::new(),
        budget,
        is_tame,
    };
    grammar.statement();
    grammar.out
}

/// A part in round brackets that may replace another one.
pub fn fragment(rng: &mut Rng) -> Vec<String> {
    let budget = 1 + rng.below(4);
    let is_tame = rng.percent(65);
    let mut grammar = Grammar {
        rng,
        out: Vec::new(),
        scopes: Vec::new(),
        queries: Vec::new(),
        budget,
        is_tame,
    };
    grammar.fragment();
    grammar.out
}

impl Grammar<'_> {
    /// Adds words, split at spaces.
    fn w(&mut self, words: &str) {
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            let word = match self.rng.below(20) {
                0 | 1 => word.to_uppercase(),
                2 => self.mixed(word),
                _ => word.to_owned(),
            };
            self.out.push(word);
        }
    }

    /// Adds a token as it is.
    fn raw(&mut self, token: impl Into<String>) {
        self.out.push(token.into());
    }

    /// Adds what Redshift and PostgreSQL write differently.
    fn dual(&mut self, redshift: &str, postgres: &str) {
        self.out.push(dual(redshift, postgres));
    }

    fn mixed(&mut self, word: &str) -> String {
        word.chars()
            .map(|c| match self.rng.percent(50) {
                true => c.to_ascii_uppercase(),
                false => c.to_ascii_lowercase(),
            })
            .collect()
    }

    /// True in so many of a hundred cases, but never in a tame statement.
    fn wild(&mut self, share: usize) -> bool {
        !self.is_tame && self.rng.percent(share)
    }

    fn one_of(&mut self, words: &[&str]) {
        let words = self.rng.pick(words).to_owned();
        self.w(&words);
    }

    fn maybe(&mut self, share: usize, words: &str) {
        if self.rng.percent(share) {
            self.w(words);
        }
    }

    /// Takes one part from the budget; false when there is none.
    fn deeper(&mut self, share: usize) -> bool {
        if self.budget == 0 || !self.rng.percent(share) {
            return false;
        }
        self.budget -= 1;
        true
    }

    /// Adds a name that the database reads as this one.
    fn name(&mut self, name: &str) {
        let is_folded = !RESERVED.contains(&name)
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit() || !c.is_ascii());
        let token = match (is_folded, self.rng.below(100)) {
            (true, 0..70) => name.to_owned(),
            (true, 70..78) => name.to_ascii_uppercase(),
            (true, 78..84) => self.mixed(name),
            (_, 97) if !self.is_tame => {
                let escaped: String = name
                    .chars()
                    .map(|c| match self.rng.percent(30) {
                        true => format!("\\{:04x}", c as u32),
                        false => c.to_string(),
                    })
                    .collect();
                format!("U&\"{escaped}\"")
            }
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        };
        // Another reading of the same letters: a query's name that a table of another case hides behind.
        let token = match self.rng.below(300) {
            0 => token.trim_matches('"').to_owned(),
            1 => format!("\"{}\"", name.to_lowercase()),
            _ => token,
        };
        self.raw(token);
    }

    /// Adds a table's name and returns it as a source under that name.
    fn table(&mut self) -> Source {
        let (schema, name) = match self.rng.below(25) {
            0 => ("", "tmp"),
            1 => ("", "#tmp"),
            2..5 => {
                let (schema, name, _) = world::VIEWS[self.rng.below(world::VIEWS.len())];
                (schema, name)
            }
            _ => world::TABLES[self.rng.below(world::TABLES.len())],
        };
        self.named(schema, name);
        Source {
            name: name.to_owned(),
            schema: (!schema.is_empty()).then_some(schema),
            columns: COLUMNS.to_vec(),
        }
    }

    /// Adds a table that can be changed.
    fn base_table(&mut self) -> Source {
        let (schema, name) = world::TABLES[self.rng.below(world::TABLES.len())];
        self.named(schema, name);
        Source {
            name: name.to_owned(),
            schema: Some(schema),
            columns: COLUMNS.to_vec(),
        }
    }

    fn named(&mut self, schema: &'static str, name: &str) {
        let is_plain = schema.is_empty() || (schema == "public" && self.rng.percent(70));
        if is_plain {
            if schema.is_empty() && self.rng.percent(10) {
                self.w("pg_temp");
                self.raw(".");
            }
        } else {
            if self.rng.percent(8) {
                self.name(world::DATABASE);
                self.raw(".");
            }
            self.name(schema);
            self.raw(".");
        }
        self.name(name);
    }

    fn alias(&mut self) -> String {
        let mut alias = self.rng.pick(&ALIASES).to_owned();
        // A scope knows a name once.
        let taken = |scopes: &[Vec<Source>], alias: &str| {
            scopes
                .last()
                .is_some_and(|scope| scope.iter().any(|source| source.name == alias))
        };
        let mut count = 0;
        while taken(&self.scopes, &alias) {
            count += 1;
            alias = format!("x{count}");
        }
        alias
    }
}
