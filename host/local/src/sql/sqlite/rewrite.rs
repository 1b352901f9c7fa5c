//! Redshift's spelling turned into SQLite's, token by token.

use super::super::text::{is_public, qualifies, skip_blanks, stands_alone};
use signalbox_sql::lexer::{TextForm, Token, TokenKind, literal_value, tokens};

/// A piece of the rewritten statement.
struct Piece {
    kind: TokenKind,
    text: String,
}

/// Rewrites one statement for SQLite:
/// the schema `public` is dropped, which SQLite has not (nor schemas of functions);
/// `x::type` becomes a cast; literals lose their escapes, which SQLite has not; `SYSDATE` becomes `getdate()`.
pub(super) fn rewrite(sql: &str) -> String {
    let all: Vec<Token<'_>> = tokens(sql).collect();
    let mut out: Vec<Piece> = Vec::with_capacity(all.len());
    let mut rest = all.as_slice();
    while let [token, after @ ..] = rest {
        rest = after;
        let after_dot = last_mark(&out).is_some_and(|piece| piece.text == ".");
        match token.kind {
            TokenKind::LineComment | TokenKind::BlockComment => {
                push(&mut out, TokenKind::Space, " ")
            }
            // SQLite has literals of bytes of its own.
            TokenKind::Text(TextForm::Bits | TextForm::Hex) => {
                push(&mut out, token.kind, token.text)
            }
            TokenKind::Text(_) => match literal_value(token) {
                Some(value) => push(
                    &mut out,
                    token.kind,
                    format!("'{}'", value.replace('\'', "''")),
                ),
                None => push(&mut out, token.kind, token.text),
            },
            TokenKind::Word | TokenKind::QuotedName
                if !after_dot && is_public(token) && qualifies(after) =>
            {
                // The dot goes with it.
                rest = after.get(1..).unwrap_or_default();
            }
            TokenKind::Word if !after_dot && token.is("sysdate") && stands_alone(after) => {
                push(&mut out, TokenKind::Word, "getdate()");
            }
            TokenKind::Cast => match cast_type(after) {
                Some((cast, remaining)) => {
                    let operand = take_operand(&mut out);
                    push(&mut out, TokenKind::Word, cast.apply(&operand));
                    rest = remaining;
                }
                None => push(&mut out, TokenKind::Cast, "::"),
            },
            kind => push(&mut out, kind, token.text),
        }
    }
    out.into_iter().map(|piece| piece.text).collect()
}

fn push(out: &mut Vec<Piece>, kind: TokenKind, text: impl Into<String>) {
    out.push(Piece {
        kind,
        text: text.into(),
    });
}

fn last_mark(out: &[Piece]) -> Option<&Piece> {
    out.iter()
        .rev()
        .find(|piece| piece.kind != TokenKind::Space)
}

/// How a cast is written for SQLite.
enum Cast {
    /// `CAST(x AS type)`.
    To(&'static str),
    /// A function of one argument.
    Call(&'static str),
}

impl Cast {
    fn apply(&self, operand: &str) -> String {
        match self {
            Self::To(to) => format!("CAST({operand} AS {to})"),
            Self::Call(function) => format!("{function}({operand})"),
        }
    }
}

/// The type after `::`, and what comes after it.
fn cast_type<'t, 's>(after: &'t [Token<'s>]) -> Option<(Cast, &'t [Token<'s>])> {
    let after = skip_blanks(after);
    let (name, mut rest) = after.split_first()?;
    if name.kind != TokenKind::Word {
        return None;
    }
    let cast = match name.text.to_ascii_lowercase().as_str() {
        "smallint" | "int2" | "integer" | "int" | "int4" | "bigint" | "int8" => {
            Cast::Call("to_integer")
        }
        "boolean" | "bool" => Cast::To("INTEGER"),
        "real" | "float" | "float4" | "float8" | "double" => Cast::To("REAL"),
        "decimal" | "numeric" => Cast::To("NUMERIC"),
        "date" => Cast::Call("date"),
        "timestamp" | "timestamptz" => Cast::Call("datetime"),
        "varbyte" | "varbinary" => Cast::To("BLOB"),
        _ => Cast::To("TEXT"),
    };
    if name.is("double") || name.is("character") {
        rest = skip_words(rest, &["precision", "varying"], 1);
    }
    rest = skip_arguments(rest);
    if name.is("timestamp") || name.is("time") {
        rest = skip_words(rest, &["with", "without", "time", "zone"], 3);
    }
    Some((cast, rest))
}

fn skip_words<'t, 's>(mut rest: &'t [Token<'s>], words: &[&str], most: usize) -> &'t [Token<'s>] {
    for _ in 0..most {
        match skip_blanks(rest) {
            [word, after @ ..] if words.iter().any(|known| word.is(known)) => rest = after,
            _ => break,
        }
    }
    rest
}

/// Skips `(10, 2)`.
fn skip_arguments<'t, 's>(rest: &'t [Token<'s>]) -> &'t [Token<'s>] {
    match skip_blanks(rest) {
        [open, inside @ ..] if open.is_symbol('(') => {
            let length = inside.iter().position(|token| token.is_symbol(')'));
            length.and_then(|at| inside.get(at + 1..)).unwrap_or(rest)
        }
        _ => rest,
    }
}

/// Takes the operand of a cast off the end: a name with its qualifiers, a literal, a call or a parenthesis.
fn take_operand(out: &mut Vec<Piece>) -> String {
    let mut start = out.len();
    let mut depth = 0_usize;
    for (at, piece) in out.iter().enumerate().rev() {
        let before = at.checked_sub(1).and_then(|before| out.get(before));
        match (piece.kind, piece.text.as_str()) {
            (TokenKind::Symbol(_), ")") => depth += 1,
            (TokenKind::Symbol(_), "(") if depth == 0 => break,
            (TokenKind::Symbol(_), "(") => depth -= 1,
            (TokenKind::Space, _) if depth == 0 && start == out.len() => continue,
            _ => {}
        }
        start = at;
        let joined = before.is_some_and(|before| {
            let call =
                piece.text == "(" && matches!(before.kind, TokenKind::Word | TokenKind::QuotedName);
            call || before.text == "." || piece.text == "."
        });
        if depth == 0 && !joined {
            break;
        }
    }
    out.split_off(start)
        .into_iter()
        .map(|piece| piece.text)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_schema_public_is_dropped() {
        assert_eq!(
            rewrite("select public.f_slow('public.x', 1) from \"public\".t, o.public.t"),
            "select f_slow('public.x', 1) from t, o.public.t"
        );
        assert_eq!(rewrite("select public from t"), "select public from t");
    }

    #[test]
    fn casts_are_written_out() {
        for (from, to) in [
            ("select '1'::int", "select to_integer('1')"),
            (
                "select t.a :: varchar(10), b",
                "select CAST(t.a AS TEXT), b",
            ),
            (
                "select (a + b)::float8 + 1",
                "select CAST((a + b) AS REAL) + 1",
            ),
            ("select f(x, g(y))::text", "select CAST(f(x, g(y)) AS TEXT)"),
            ("select :p::bigint", "select to_integer(:p)"),
            ("select a::text::int", "select to_integer(CAST(a AS TEXT))"),
            (
                "select a::timestamp without time zone as x",
                "select datetime(a) as x",
            ),
            ("where a = (b::date)", "where a = (date(b))"),
            (
                "select a::decimal(10, 2), c",
                "select CAST(a AS NUMERIC), c",
            ),
        ] {
            assert_eq!(rewrite(from), to);
        }
    }

    #[test]
    fn other_spellings() {
        assert_eq!(rewrite("select $$it's$$"), "select 'it''s'");
        assert_eq!(rewrite(r"select 'it\'s', E'\\'"), r"select 'it''s', '\'");
        assert_eq!(rewrite("select sysdate"), "select getdate()");
        assert_eq!(rewrite("select t.sysdate"), "select t.sysdate");
        assert_eq!(rewrite("select 1 /* /* */ */ + 1"), "select 1   + 1");
    }

    proptest! {
        #[test]
        fn what_is_in_quotes_stays(text in "[^'\\\\]*") {
            let sql = format!("select '{text}'");
            prop_assert_eq!(rewrite(&sql), sql);
        }

        #[test]
        fn any_text_can_be_rewritten(sql in "(public|::|int|[().;$':a-z \n]|\\PC)*") {
            rewrite(&sql);
        }
    }
}
