//! How deep the syntax tree of a text can become, before it is built.
//!
//! The parser bounds its own recursion, but it builds `a OR b OR c …` in a loop: a tree as deep as the chain is
//! long, which overflows the stack when it is walked or dropped. 100 KB of SQL has room for 25,000 operators.

use crate::lexer::{Token, TokenKind, significant};

/// The deepest tree that is parsed, in operators and brackets from root to leaf.
///
/// With [`deep_sql_cases`](crate::deep_sql_cases) the stack was measured: in the guest nesting takes the most of it
/// (`guest/standard/build.rs`), and a chain of this length less than nesting at its own bound.
pub(crate) const MAX_DEPTH: usize = 600;

/// The deepest nesting that is parsed: of brackets, of joins that wait for their condition, of operators in
/// front of an operand. A little less than the parser's own limit, which it does not always report.
pub(crate) const MAX_NESTING: usize = 48;

/// The most tables in one FROM, and parts of one name, that are parsed.
///
/// The parser spends a kilobyte on each: 100 KB of `a, a, a` or `a.b.c` would take more memory than a policy
/// may have.
pub(crate) const MAX_WIDTH: usize = 1000;

/// What the tree of a text can become at most.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// From root to leaf.
    pub(crate) depth: usize,
    /// Calls of the parser in one another.
    pub(crate) nesting: usize,
    /// Tables in one FROM, or parts of one name.
    pub(crate) width: usize,
}

impl Bound {
    /// Whether the tree is shallow enough to be built.
    pub(crate) fn is_safe(self) -> bool {
        self.depth <= MAX_DEPTH && self.nesting <= MAX_NESTING && self.width <= MAX_WIDTH
    }
}

/// One level of brackets: what is between `(` and `)`, `[` and `]`, `CASE` and `END`.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    is_case: bool,
    /// Operators of the item that is being read, and the deepest bracket in it.
    operators: usize,
    deepest_child: usize,
    /// The deepest item before.
    deepest_item: usize,
    /// Set operations: each puts what is before it one level down.
    set_operations: usize,
    /// Joins whose condition has not come yet: the parser nests them.
    waiting_joins: usize,
    /// Tables so far, between FROM and the next clause.
    tables: Option<usize>,
}

impl Level {
    fn end_item(&mut self) {
        self.deepest_item = self.deepest_item.max(self.operators + self.deepest_child);
        self.operators = 0;
        self.deepest_child = 0;
    }

    fn depth(mut self) -> usize {
        self.end_item();
        self.deepest_item + self.set_operations + 1
    }
}

/// An upper bound of the tree.
///
/// Every operator since the last comma of the same bracket counts as one level, whatever its precedence.
pub(crate) fn bound(sql: &str) -> Bound {
    let mut scan = Scan::default();
    for token in significant(sql) {
        scan.step(token);
        // Nothing is gained by reading on, and the stack of levels stays small.
        if scan.nesting > MAX_NESTING {
            break;
        }
    }
    while !scan.outer.is_empty() {
        scan.close();
    }
    Bound {
        depth: scan.level.depth(),
        nesting: scan.nesting,
        width: scan.width,
    }
}

#[derive(Debug, Default)]
struct Scan<'s> {
    outer: Vec<Level>,
    level: Level,
    previous: Option<Token<'s>>,
    /// Operators in a row: all but one of them stand in front of an operand.
    operator_run: usize,
    nesting: usize,
    /// Dots since the last token that is no part of a name.
    dots: usize,
    width: usize,
}

impl<'s> Scan<'s> {
    fn step(&mut self, token: Token<'s>) {
        let run = std::mem::take(&mut self.operator_run);
        match token.kind {
            TokenKind::Symbol('(' | '[' | '{') => self.open(false),
            TokenKind::Symbol(')' | ']' | '}') => {
                // An unclosed CASE inside the bracket ends with it.
                while self.level.is_case && !self.outer.is_empty() {
                    self.close();
                }
                self.close();
            }
            TokenKind::Symbol(',') => {
                self.level.end_item();
                self.level.tables = self.level.tables.map(|tables| tables + 1);
            }
            TokenKind::Symbol('.') => {}
            TokenKind::Symbol(_)
            | TokenKind::Cast
            | TokenKind::Placeholder
            | TokenKind::Position => {
                self.operator(run);
            }
            TokenKind::Word => self.word(token, run),
            TokenKind::QuotedName
            | TokenKind::Text(_)
            | TokenKind::Number
            | TokenKind::Semicolon => {}
            TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment => {}
        }
        self.dots = match token.kind {
            TokenKind::Symbol('.') => self.dots + 1,
            TokenKind::Word | TokenKind::QuotedName
                if self
                    .previous
                    .is_some_and(|before| before.kind == TokenKind::Symbol('.')) =>
            {
                self.dots
            }
            _ => 0,
        };
        self.width = self
            .width
            .max(self.dots)
            .max(self.level.tables.unwrap_or_default());
        self.previous = Some(token);
        let waiting = self.level.waiting_joins + self.operator_run.saturating_sub(1);
        self.nesting = self.nesting.max(self.outer.len() + waiting);
    }

    fn word(&mut self, token: Token<'s>, run: usize) {
        let begins_clause = begins_clause(self.previous);
        match Role::of(token) {
            Role::Operator => self.operator(run),
            Role::SetOperator => {
                self.level.set_operations += 1;
                self.level.end_item();
            }
            Role::Case => self.open(true),
            Role::End if self.level.is_case => self.close(),
            Role::Join => {
                self.level.operators += 1;
                let needs_condition = !self
                    .previous
                    .is_some_and(|before| before.is("cross") || before.is("natural"));
                self.level.waiting_joins += usize::from(needs_condition);
            }
            Role::JoinCondition if begins_clause => {
                self.level.waiting_joins = self.level.waiting_joins.saturating_sub(1);
                self.level.end_item();
            }
            Role::Clause if begins_clause => {
                self.level.end_item();
                self.level.tables = token.is("from").then_some(1);
            }
            Role::End | Role::Clause | Role::JoinCondition | Role::Other => {}
        }
    }

    fn operator(&mut self, run: usize) {
        self.level.operators += 1;
        self.operator_run = run + 1;
    }

    fn open(&mut self, is_case: bool) {
        // A subscript or a call hangs on what is before it.
        self.level.operators += 1;
        let inside = Level {
            is_case,
            ..Level::default()
        };
        self.outer.push(std::mem::replace(&mut self.level, inside));
    }

    fn close(&mut self) {
        let depth = self.level.depth();
        // A bracket too many closes nothing.
        self.level = self.outer.pop().unwrap_or_default();
        self.level.deepest_child = self.level.deepest_child.max(depth);
    }
}

/// What a word can do to the depth.
enum Role {
    Operator,
    SetOperator,
    Join,
    JoinCondition,
    Case,
    End,
    Clause,
    Other,
}

impl Role {
    fn of(token: Token<'_>) -> Self {
        const OPERATORS: [&str; 32] = [
            "and",
            "or",
            "xor",
            "not",
            "is",
            "in",
            "like",
            "ilike",
            "rlike",
            "regexp",
            "similar",
            "match",
            "glob",
            "member",
            "between",
            "overlaps",
            "operator",
            "div",
            "at",
            "collate",
            "escape",
            "notnull",
            "isnull",
            "prior",
            "connect_by_root",
            "interval",
            "any",
            "all",
            "some",
            "unpivot",
            "pivot",
            "exists",
        ];
        let is = |word: &&str| token.is(word);
        if OPERATORS.iter().any(is) {
            Self::Operator
        } else if ["union", "intersect", "except", "minus"].iter().any(is) {
            Self::SetOperator
        } else if token.is("join") {
            Self::Join
        } else if token.is("on") || token.is("using") {
            Self::JoinCondition
        } else if token.is("case") {
            Self::Case
        } else if token.is("end") {
            Self::End
        } else if ["select", "from", "where", "having", "when", "then", "else"]
            .iter()
            .any(is)
        {
            Self::Clause
        } else {
            Self::Other
        }
    }
}

/// Whether a clause's word really begins one: behind an operand. Behind an operator it may be a name
/// (`a + where + where` …), and `IS DISTINCT FROM` is an operator itself.
fn begins_clause(previous: Option<Token<'_>>) -> bool {
    match previous {
        None => true,
        Some(token) => match token.kind {
            TokenKind::Word => {
                !token.is("distinct")
                    && !matches!(
                        Role::of(token),
                        Role::Operator | Role::SetOperator | Role::Join
                    )
            }
            TokenKind::QuotedName | TokenKind::Text(_) | TokenKind::Number => true,
            TokenKind::Symbol(')' | ']') => true,
            _ => false,
        },
    }
}
