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

/// Characters that begin, end or are something.
const CHARACTERS: [&str; 36] = [
    "'", "\"", "\\", "$", "#", "\u{a0}", "/", "*", "-", ";", ":", ".", "(", ")", "[", "]", "{",
    "}", "?", "@", "`", "\r", "\n", "\u{b}", "é", "É", "\u{212a}", "\u{feff}", "1", "_", "e", "x",
    "U&", "n", "<", "|",
];

/// Changes a text in one to three places. `other` is another text, for its parts.
pub fn mutate(rng: &mut Rng, pieces: &[String], other: &[String]) -> Vec<String> {
    let mut pieces = pieces.to_vec();
    for _ in 0..[1, 1, 1, 2, 3][rng.below(5)] {
        once(rng, &mut pieces, other);
    }
    pieces
}

/// Cuts a text into pieces, roughly as a lexer does.
#[must_use]
pub fn pieces_of(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
            _ if is_word(first) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            _ if first.is_whitespace() => rest
                .find(|c: char| !c.is_whitespace())
                .unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}

fn once(rng: &mut Rng, pieces: &mut Vec<String>, other: &[String]) {
    if pieces.is_empty() {
        return;
    }
    let at = rng.below(pieces.len());
    match rng.below(25) {
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
        22 => {
            let tokens = grammar::fragment(rng);
            let fragment = grammar::lay_out(rng, &tokens);
            pieces.splice(at..at, fragment);
        }
        20 | 21 => {
            // A character somewhere.
            let character = rng.pick(&CHARACTERS).to_owned();
            let piece = &mut pieces[at];
            let places: Vec<usize> = piece
                .char_indices()
                .map(|(place, _)| place)
                .chain([piece.len()])
                .collect();
            let place = places[rng.below(places.len())];
            match rng.percent(80) {
                true => piece.insert_str(place, &character),
                false => {
                    piece.truncate(place);
                    piece.push_str(&character);
                }
            }
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
