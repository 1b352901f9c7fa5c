//! Changes texts by their pieces: tokens and what is between them.

use crate::grammar;
use crate::rng::Rng;
use crate::world;

/// Words that turn a statement into another.
const WORDS: [&str; 60] = [
    "select",
    "from",
    "where",
    "table",
    "only",
    "lateral",
    "union",
    "all",
    "with",
    "recursive",
    "as",
    "into",
    "in",
    "exists",
    "(",
    ")",
    ",",
    ".",
    ";",
    "*",
    "[",
    "]",
    ":",
    "::",
    "'",
    "\"",
    "$$",
    "--",
    "/*",
    "*/",
    "\\",
    "E'",
    "values",
    "returning",
    "using",
    "join",
    "on",
    "set",
    "for update",
    "limit 1",
    "order by",
    "group by",
    "over ()",
    "filter (where true)",
    "is",
    "not",
    "null",
    "1",
    "a",
    "t",
    "x",
    "explain",
    "analyze",
    "insert into",
    "delete from",
    "cross join",
    "temp",
    "temporary",
    "{",
    "}",
];

/// Changes a text in one to three places. `other` is another text, for its parts.
pub fn mutate(rng: &mut Rng, pieces: &[String], other: &[String]) -> Vec<String> {
    let mut pieces = pieces.to_vec();
    for _ in 0..1 + rng.below(3) {
        once(rng, &mut pieces, other);
    }
    pieces
}

fn once(rng: &mut Rng, pieces: &mut Vec<String>, other: &[String]) {
    if pieces.is_empty() {
        return;
    }
    let at = rng.below(pieces.len());
    match rng.below(22) {
        0 => {
            pieces.remove(at);
        }
        1 => pieces.insert(at, pieces[at].clone()),
        2 => {
            let with = rng.below(pieces.len());
            pieces.swap(at, with);
        }
        3 | 4 => {
            let word = format!(" {} ", rng.pick(&WORDS));
            pieces.insert(at, word);
        }
        5..8 => {
            // A name becomes a table's.
            let names: Vec<usize> = (0..pieces.len())
                .filter(|at| is_name(&pieces[*at]))
                .collect();
            if !names.is_empty() {
                let (schema, name) = world::TABLES[rng.below(world::TABLES.len())];
                let at = names[rng.below(names.len())];
                pieces[at] = match rng.below(4) {
                    0 => format!("{schema}.\"{name}\""),
                    1 => schema.to_owned(),
                    2 => name.to_uppercase(),
                    _ => name.to_owned(),
                };
            }
        }
        8..11 => {
            // What is in brackets is replaced by what is in others.
            let fragment = match rng.percent(50) {
                true => brackets(rng, other).map(<[String]>::to_vec),
                false => None,
            };
            let fragment = fragment.unwrap_or_else(|| {
                let tokens = grammar::fragment(rng);
                grammar::lay_out(rng, &tokens)
            });
            if let Some((from, to)) = range(rng, pieces) {
                pieces.splice(from..to, fragment);
            } else {
                pieces.push(" ".into());
                pieces.extend(fragment);
            }
        }
        11 | 12 => {
            if let Some((from, to)) = range(rng, pieces) {
                pieces.insert(to, ")".into());
                pieces.insert(from, "(".into());
            }
        }
        13 | 14 => pieces.insert(at, grammar::gap(rng)),
        15 => pieces[at] = change_case(rng, &pieces[at]),
        16 => {
            // The tail of another text.
            if !other.is_empty() {
                let from = rng.below(other.len());
                pieces.truncate(at);
                pieces.push(" ".into());
                pieces.extend_from_slice(&other[from..]);
            }
        }
        17 => {
            if let Some((from, to)) = range(rng, pieces) {
                let part = pieces[from..to].to_vec();
                pieces.insert(from, " , ".into());
                pieces.splice(from..from, part);
            }
        }
        18 => {
            let open = pieces.iter().position(|piece| piece.starts_with('\''));
            if let Some(at) = open {
                let text = pieces[at].trim_matches('\'').to_owned();
                pieces[at] = match rng.below(6) {
                    0 => format!("'{text}\\'"),
                    1 => format!("'\\'{text}'"),
                    2 => format!("E'{text}'"),
                    3 => format!("$${text}$$"),
                    4 => format!("B'{text}'"),
                    _ => format!("'{text}''"),
                };
            }
        }
        19 => {
            let operator = rng
                .pick(&[
                    " union all ",
                    " union ",
                    " except ",
                    ", ",
                    " || ",
                    " = ",
                    " join ",
                    "; ",
                ])
                .to_owned();
            pieces.push(operator);
            pieces.extend_from_slice(other);
        }
        20 => {
            let tokens = grammar::fragment(rng);
            let fragment = grammar::lay_out(rng, &tokens);
            pieces.splice(at..at, fragment);
        }
        _ => {
            let names: Vec<usize> = (0..pieces.len())
                .filter(|at| is_name(&pieces[*at]))
                .collect();
            if names.len() > 1 {
                let (from, to) = (names[rng.below(names.len())], names[rng.below(names.len())]);
                pieces[to] = pieces[from].clone();
            }
        }
    }
}

fn is_name(piece: &str) -> bool {
    piece.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"' || c == '_')
        && !piece.contains('\'')
}

/// A part from an opening bracket to its end.
fn range(rng: &mut Rng, pieces: &[String]) -> Option<(usize, usize)> {
    let opens: Vec<usize> = (0..pieces.len()).filter(|at| pieces[*at] == "(").collect();
    if opens.is_empty() {
        return None;
    }
    let from = opens[rng.below(opens.len())];
    let mut depth = 0_usize;
    for (at, piece) in pieces.iter().enumerate().skip(from) {
        match piece.as_str() {
            "(" => depth += 1,
            ")" => {
                depth -= 1;
                if depth == 0 {
                    return Some((from, at + 1));
                }
            }
            _ => {}
        }
    }
    None
}

fn brackets<'p>(rng: &mut Rng, pieces: &'p [String]) -> Option<&'p [String]> {
    let (from, to) = range(rng, pieces)?;
    pieces.get(from..to)
}

fn change_case(rng: &mut Rng, piece: &str) -> String {
    match rng.below(4) {
        0 => piece.to_uppercase(),
        1 => piece.to_lowercase(),
        2 if is_name(piece) && !piece.contains('"') => format!("\"{piece}\""),
        _ => piece.trim_matches('"').to_owned(),
    }
}
