//! Locations, IAM roles and options of statements that move rows.

use super::{Places, Shape, Structure};
use crate::Kind;
use crate::grammar::{COPY_OPTIONS, UNLOAD_OPTIONS};
use crate::lexer::{TextForm, Token, TokenKind, literal_value};
use crate::source::Source;
use std::collections::HashSet;

/// Words among the options that name none: they stand between options, or are the value of one.
const VALUES: [&str; 16] = [
    "as", "on", "off", "true", "false", "default", "with", "mb", "gb", "none", "auto", "utf8",
    "utf16", "utf16le", "utf16be", "iso88591",
];

/// The names that options of COPY and UNLOAD can have, without `-on` and `-off`.
pub fn option_names() -> impl Iterator<Item = &'static str> {
    COPY_OPTIONS
        .iter()
        .chain(&UNLOAD_OPTIONS)
        .copied()
        .filter(|word| !VALUES.contains(word))
}

/// Whether `matches` holds for the name of an option of COPY or UNLOAD.
#[must_use]
pub fn is_option(matches: impl Fn(&str) -> bool) -> bool {
    option_names().any(|name| {
        matches(name) || matches(&format!("{name}-on")) || matches(&format!("{name}-off"))
    })
}

pub(super) fn places(shape: &Shape, source: &Source<'_>, kind: Kind, structure: &mut Structure) {
    for at in &shape.locations {
        location(source, *at, &mut structure.locations);
    }
    if let Some(transfer) = shape.transfer {
        let span = transfer.span;
        location(source, span.begin, &mut structure.locations);
        options(source, span.begin + 1, span.end, structure);
        // A manifest lists files that this text does not name.
        let is_listed = |option: &String| option == "manifest" || option == "ssh";
        structure.locations.unsure |=
            transfer.reads && structure.options.found.iter().any(is_listed);
    }
    let has_role = matches!(
        kind,
        Kind::CreateExternalSchema | Kind::CreateFunction | Kind::CreateOther
    );
    if has_role {
        for at in 0..source.len() {
            if source.token(at).is_some_and(|token| token.is("iam_role")) {
                role(source, at + 1, &mut structure.iam_roles);
            }
        }
    }
    dedup(&mut structure.locations);
    dedup(&mut structure.iam_roles);
    dedup(&mut structure.options);
}

/// Each once, in order.
fn dedup(places: &mut Places) {
    let mut seen = HashSet::new();
    places.found.retain(|found| seen.insert(found.clone()));
}

/// The value of a literal, if there is only one way to read it.
fn plain(source: &Source<'_>, at: usize) -> Option<String> {
    let token = source.token(at)?;
    let is_plain = token.kind == TokenKind::Text(TextForm::Plain)
        && !token.text.contains('\\')
        && !source.continues_literal(at + 1);
    is_plain.then(|| literal_value(&token)).flatten()
}

fn add(places: &mut Places, found: Option<String>) {
    match found {
        Some(found) => places.found.push(found),
        None => places.unsure = true,
    }
}

fn location(source: &Source<'_>, at: usize, places: &mut Places) {
    add(places, plain(source, at));
}

/// `DEFAULT`, or a literal with one role or several with commas between them.
fn role(source: &Source<'_>, at: usize, roles: &mut Places) {
    if source.token(at).is_some_and(|token| token.is("default")) {
        add(roles, Some("default".to_owned()));
        return;
    }
    chain(plain(source, at).as_deref(), roles);
}

fn chain(text: Option<&str>, roles: &mut Places) {
    match text {
        Some(text) => {
            for part in text.split(',') {
                add(roles, Some(part.trim().to_owned()));
            }
        }
        None => roles.unsure = true,
    }
}

/// `aws_iam_role=…` in the literal of CREDENTIALS. Access keys are no role; anything else may be one.
fn credentials(source: &Source<'_>, mut at: usize, roles: &mut Places) {
    if source.token(at).is_some_and(|token| token.is("as")) {
        at += 1;
    }
    let Some(text) = plain(source, at) else {
        roles.unsure = true;
        return;
    };
    for member in text.split(';') {
        match member.trim().split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("aws_iam_role") => {
                chain(Some(value), roles);
            }
            Some((name, _)) if is_key(name.trim()) => {}
            _ if member.trim().is_empty() => {}
            _ => roles.unsure = true,
        }
    }
}

fn is_key(name: &str) -> bool {
    const KEYS: [&str; 5] = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "token",
        "master_symmetric_key",
        "aws_session_token",
    ];
    KEYS.iter().any(|key| name.eq_ignore_ascii_case(key))
}

fn options(source: &Source<'_>, begin: usize, end: usize, structure: &mut Structure) {
    let is_known = |token: &Token<'_>| token.is_any(&COPY_OPTIONS) || token.is_any(&UNLOAD_OPTIONS);
    let mut at = begin;
    while at < end {
        let Some(token) = source.token(at) else {
            break;
        };
        at += 1;
        if token.is_symbol('(') {
            at = source.close_of(at - 1) + 1;
            continue;
        }
        if token.is_text() {
            // A file that describes the others, such as of JSON paths.
            match plain(source, at - 1) {
                Some(text) if is_file(&text) => add(&mut structure.locations, Some(text)),
                Some(_) => {}
                None => {
                    structure.locations.unsure |=
                        literal_value(&token).is_none_or(|text| is_file(&text))
                }
            }
            continue;
        }
        if !is_known(&token) || token.is_any(&VALUES) {
            continue;
        }
        if token.is("iam_role") {
            role(source, at, &mut structure.iam_roles);
        } else if token.is("credentials") {
            credentials(source, at, &mut structure.iam_roles);
        }
        let name = token.text.to_ascii_lowercase();
        let is_as = source.token(at).is_some_and(|token| token.is("as"));
        let behind = at + usize::from(is_as);
        let switch = source
            .token(behind)
            .filter(|_| behind < end)
            .and_then(|next| {
                if next.is_any(&["on", "true"]) {
                    Some("on")
                } else if next.is_any(&["off", "false"]) {
                    Some("off")
                } else {
                    None
                }
            });
        let switched = switch.map(|switch| format!("{name}-{switch}"));
        // An option that is set to OFF is not in force.
        if switch != Some("off") {
            add(&mut structure.options, Some(name));
        }
        if switched.is_some() {
            add(&mut structure.options, switched);
        }
    }
}

fn is_file(text: &str) -> bool {
    text.trim_start()
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"))
}
