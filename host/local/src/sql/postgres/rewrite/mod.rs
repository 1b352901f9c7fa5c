//! Redshift's spelling turned into PostgreSQL's, token by token.

mod call;
mod statement;
mod table;

use super::super::text::skip_blanks;
use signalbox_sql::lexer::{TextForm, Token, TokenKind, literal_value, tokens};

/// The schema of what the layer adds (`layer.sql`).
pub(super) const LAYER: &str = "signalbox";

/// Rewrites one statement, and puts the values in the places of its named parameters. An error says what cannot be
/// run here.
pub(super) fn rewrite(sql: &str, parameters: &[(String, String)]) -> Result<String, String> {
    let all: Vec<Token<'_>> = tokens(sql).collect();
    statement::refuse(&all)?;
    if let Some(instead) = statement::replaced(&all) {
        return Ok(instead);
    }
    let mut writer = Writer::new(parameters);
    writer.all(&all);
    Ok(writer.out)
}

/// Writes a rewritten statement.
struct Writer<'p, 's> {
    out: String,
    parameters: &'p [(String, String)],
    /// The last token that means something.
    last: Option<Token<'s>>,
    /// How many parentheses are open.
    depth: usize,
    /// Within the definition of a table: how many parentheses were open where it began.
    table: Option<usize>,
    /// Within the definition of a procedure or function.
    is_routine: bool,
}

impl<'p, 's> Writer<'p, 's> {
    fn new(parameters: &'p [(String, String)]) -> Self {
        Self {
            out: String::new(),
            parameters,
            last: None,
            depth: 0,
            table: None,
            is_routine: false,
        }
    }

    fn all(&mut self, tokens: &[Token<'s>]) {
        let mut rest = tokens;
        while let [token, after @ ..] = rest {
            rest = self.take(*token, after);
        }
    }

    /// Writes a token, and perhaps some of those after it. Returns what is left.
    fn take<'t>(&mut self, token: Token<'s>, after: &'t [Token<'s>]) -> &'t [Token<'s>] {
        match token.kind {
            TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment => {
                self.out.push_str(token.text);
                return after;
            }
            TokenKind::Placeholder => {
                let name = token.text.trim_start_matches(':');
                match self.parameters.iter().find(|(given, _)| given == name) {
                    Some((_, value)) => self.out.push_str(&literal(value)),
                    None => self.out.push_str(token.text),
                }
            }
            TokenKind::Text(TextForm::Dollar) if self.is_routine => self.body(token),
            TokenKind::Word if !self.is_after('.') => {
                self.definition(token, after);
                let rest = self
                    .in_table(token, after)
                    .or_else(|| self.call(token, after))
                    .or_else(|| self.name(token, after));
                self.last = Some(token);
                if let Some(rest) = rest {
                    return rest;
                }
                self.out.push_str(token.text);
            }
            kind => {
                match kind {
                    TokenKind::Semicolon => self.table = None,
                    TokenKind::Symbol('(') => self.depth += 1,
                    TokenKind::Symbol(')') => {
                        self.depth = self.depth.saturating_sub(1);
                    }
                    _ => {}
                }
                self.out.push_str(token.text);
            }
        }
        self.last = Some(token);
        after
    }

    /// The body of a procedure is SQL of its own.
    fn body(&mut self, token: Token<'s>) {
        let Some(body) = literal_value(&token) else {
            self.out.push_str(token.text);
            return;
        };
        let tag = token.text.len().saturating_sub(body.len()) / 2;
        let mut inner = Writer::new(&[]);
        inner.all(&tokens(&body).collect::<Vec<_>>());
        self.out.push_str(token.text.get(..tag).unwrap_or_default());
        self.out.push_str(&inner.out);
        self.out.push_str(token.text.get(..tag).unwrap_or_default());
    }

    /// Notices where the definition of a table or a routine begins or ends.
    fn definition(&mut self, token: Token<'s>, after: &[Token<'s>]) {
        if token.is("create") {
            let what = skip_words(
                after,
                &[
                    "or",
                    "replace",
                    "temp",
                    "temporary",
                    "local",
                    "global",
                    "materialized",
                ],
            );
            if starts_with(what, &["table"]) || starts_with(what, &["view"]) {
                self.table = Some(self.depth);
            }
            self.is_routine |=
                starts_with(what, &["procedure"]) || starts_with(what, &["function"]);
        } else if token.is("alter") && starts_with(after, &["table"]) {
            self.table = Some(self.depth);
        } else if token.is("as") && self.table == Some(self.depth) {
            // What follows is a query.
            self.table = None;
        }
    }

    fn is_after(&self, symbol: char) -> bool {
        self.last.is_some_and(|last| last.is_symbol(symbol))
    }

    fn is_after_word(&self, words: &[&str]) -> bool {
        self.last
            .is_some_and(|last| words.iter().any(|word| last.is(word)))
    }

    /// Whether what comes here is the name of something that is made or changed.
    fn is_at_name(&self) -> bool {
        self.is_after_word(&[
            "into",
            "table",
            "function",
            "procedure",
            "view",
            "exists",
            "references",
            "update",
            "column",
            "add",
        ])
    }
}

/// A value as a literal that no setting of the session reads otherwise.
fn literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!(" '{doubled}'")
    }
}

/// The next token that means something, and what is after it.
fn next<'t, 's>(tokens: &'t [Token<'s>]) -> Option<(Token<'s>, &'t [Token<'s>])> {
    skip_blanks(tokens)
        .split_first()
        .map(|(token, rest)| (*token, rest))
}

/// Whether the words come next.
fn starts_with(tokens: &[Token<'_>], words: &[&str]) -> bool {
    let mut rest = tokens;
    words.iter().all(|word| {
        next(rest).is_some_and(|(token, after)| {
            rest = after;
            token.is(word)
        })
    })
}

/// What comes after any of the words, as often as they come.
fn skip_words<'t, 's>(tokens: &'t [Token<'s>], words: &[&str]) -> &'t [Token<'s>] {
    let mut rest = tokens;
    while let Some((token, after)) = next(rest) {
        if !words.iter().any(|word| token.is(word)) {
            break;
        }
        rest = after;
    }
    rest
}

/// The tokens in a pair of parentheses that comes next, and what is after them.
fn parenthesised<'t, 's>(tokens: &'t [Token<'s>]) -> Option<(&'t [Token<'s>], &'t [Token<'s>])> {
    let (open, inside) = next(tokens)?;
    if !open.is_symbol('(') {
        return None;
    }
    let mut depth = 0_usize;
    for (at, token) in inside.iter().enumerate() {
        if token.is_symbol('(') {
            depth += 1;
        } else if token.is_symbol(')') {
            if depth == 0 {
                return Some((inside.get(..at)?, inside.get(at + 1..)?));
            }
            depth -= 1;
        }
    }
    None
}

#[cfg(test)]
mod tests;
