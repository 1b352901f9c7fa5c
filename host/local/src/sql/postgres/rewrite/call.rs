//! Functions, views and settings of Redshift.

use super::super::super::text::stands_alone;
use super::{LAYER, Writer, next, parenthesised, starts_with};
use signalbox_sql::lexer::{Token, TokenKind};

/// Functions that the layer has.
const FUNCTIONS: &[&str] = &[
    "add_months",
    "charindex",
    "dateadd",
    "datediff",
    "f_slow",
    "getdate",
    "last_day",
    "len",
    "listagg",
];
/// Views that the layer has.
const VIEWS: &[&str] = &[
    "pg_table_def",
    "svv_columns",
    "svv_table_info",
    "svv_tables",
];
/// Functions whose first argument is the bare name of a unit of time.
const WITH_DATE_PART: &[&str] = &["date_part", "dateadd", "datediff"];
/// Settings that PostgreSQL has not; they are kept and have no effect.
const SETTINGS: &[&str] = &[
    "enable_case_sensitive_identifier",
    "enable_result_cache_for_session",
    "json_serialization_enable",
    "query_group",
    "wlm_query_slot_count",
];

fn is_one(token: &Token<'_>, of: &[&str]) -> bool {
    of.iter().any(|name| token.is(name))
}

/// The arguments of a call.
fn split<'t, 's>(inside: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut depth = 0_usize;
    inside
        .split(|token| {
            if token.is_symbol('(') {
                depth += 1;
            } else if token.is_symbol(')') {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && token.is_symbol(',')
        })
        .collect()
}

impl<'s> Writer<'_, 's> {
    /// Rewrites a call, if it is one that has another form here.
    pub(super) fn call<'t>(
        &mut self,
        token: Token<'s>,
        after: &'t [Token<'s>],
    ) -> Option<&'t [Token<'s>]> {
        let (open, arguments) = next(after).filter(|(open, _)| open.is_symbol('('))?;
        if self.is_at_name() {
            return None;
        }
        if token.is("nvl") {
            self.out.push_str("coalesce");
            return Some(after);
        }
        if token.is("nvl2") || token.is("decode") {
            return self.case(token, after);
        }
        if is_one(&token, FUNCTIONS) {
            self.out.push_str(LAYER);
            self.out.push('.');
        } else if !is_one(&token, WITH_DATE_PART) {
            return None;
        }
        self.out.push_str(token.text);
        if token.is("listagg") {
            return self.listagg(after).or(Some(after));
        }
        if is_one(&token, WITH_DATE_PART)
            && let Some((part, rest)) = next(arguments)
            && part.kind == TokenKind::Word
            && next(rest).is_some_and(|(comma, _)| comma.is_symbol(','))
        {
            self.depth += 1;
            self.out.push_str(open.text);
            self.out.push_str(&format!("'{}'", part.text));
            return Some(rest);
        }
        Some(after)
    }

    /// Writes the beginning of a parenthesis, what is in it, and its end.
    fn closed(&mut self, begin: &str, tokens: &[Token<'s>]) {
        self.out.push_str(begin);
        self.last = None;
        self.all(tokens);
        self.out.push(')');
    }

    /// `NVL2(x, a, b)`, and `DECODE(x, is, then, …, else)`; with two arguments that one is PostgreSQL's own.
    fn case<'t>(&mut self, token: Token<'s>, after: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
        let (inside, rest) = parenthesised(after)?;
        let arguments = split(inside);
        let (value, mut cases) = arguments.split_first()?;
        match cases {
            [some, none] if token.is("nvl2") => {
                self.closed("case when (", value);
                self.closed(" is not null then (", some);
                self.closed(" else (", none);
            }
            [_, _, ..] if token.is("decode") => {
                self.out.push_str("case");
                while let [wanted, then, others @ ..] = cases {
                    self.closed(" when (", value);
                    self.closed(" is not distinct from (", wanted);
                    self.closed(" then (", then);
                    cases = others;
                }
                if let [otherwise] = cases {
                    self.closed(" else (", otherwise);
                }
            }
            _ => return None,
        }
        self.out.push_str(" end");
        Some(rest)
    }

    /// `(x, ',') WITHIN GROUP (ORDER BY y)` is `(x, ',' ORDER BY y)` here.
    fn listagg<'t>(&mut self, after: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
        let (arguments, rest) = parenthesised(after)?;
        let ordered = starts_with(rest, &["within", "group"])
            .then(|| next(rest).and_then(|(_, rest)| next(rest)))
            .flatten()
            .and_then(|(_, rest)| parenthesised(rest));
        self.out.push('(');
        self.last = None;
        self.all(arguments);
        if let Some((order, _)) = ordered {
            self.out.push(' ');
            self.all(order);
        }
        self.out.push(')');
        Some(ordered.map_or(rest, |(_, rest)| rest))
    }

    /// Rewrites a name that stands for something else here.
    pub(super) fn name<'t>(
        &mut self,
        token: Token<'s>,
        after: &'t [Token<'s>],
    ) -> Option<&'t [Token<'s>]> {
        if token.is("sysdate")
            && stands_alone(after)
            && !self.is_at_name()
            && !self.is_after_word(&["as"])
        {
            self.out.push_str(&format!("{LAYER}.sysdate()"));
            return Some(after);
        }
        if is_one(&token, VIEWS) && !self.is_at_name() {
            self.out.push_str(&format!("{LAYER}.{}", token.text));
            return Some(after);
        }
        if is_one(&token, SETTINGS) && self.is_after_word(&["set", "reset", "show", "local"]) {
            self.out.push_str(&format!("{LAYER}.{}", token.text));
            return Some(after);
        }
        // `public.f_slow(…)` of the scenarios, `pg_catalog.svv_table_info`.
        if (token.is("public") || token.is("pg_catalog"))
            && let Some((dot, rest)) = next(after)
            && dot.is_symbol('.')
            && let Some((name, _)) = next(rest)
            && !self.is_at_name()
            && (name.is("f_slow") || is_one(&name, VIEWS))
        {
            self.out.push_str(LAYER);
            return Some(after);
        }
        // A type after `::` or in a cast.
        if self.last.is_some_and(|last| last.kind == TokenKind::Cast) {
            return self.type_name(token, after);
        }
        // How a procedure commits is not chosen here.
        if self.is_routine && token.is("nonatomic") {
            return Some(after);
        }
        None
    }
}
