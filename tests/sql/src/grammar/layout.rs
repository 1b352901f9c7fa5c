//! What stands between tokens.

use crate::rng::Rng;
use crate::text::is_dual;

/// Space and comments that every reading takes for such.
const PLAIN: [&str; 15] = [
    "\n", "\t", "\r", "\u{c}", "  ", "\r\n", " /**/ ", "/* x */", "--\n", "-- '\n", "/*'*/",
    "/* -- */", "--/*\n", "/* ; */", "/*\"*/",
];
/// What is space to some and a letter to others, or ends a comment for some.
const ODD: [&str; 19] = [
    "/* /* from secret.t */ */",
    "-- x\r",
    "--\r",
    "\u{b}",
    "\u{a0}",
    "\u{85}",
    "\u{2003}",
    "\u{3000}",
    "\u{feff}",
    "\u{200b}",
    "-- x\u{2028}",
    "-- x\u{b}\n",
    "\u{1c}",
    "\u{1680}",
    "/*/ */",
    "/**/*/",
    "--\r\r",
    "\u{a0} ",
    " \u{3000} ",
];

/// Something between two tokens.
pub fn gap(rng: &mut Rng) -> String {
    match rng.percent(80) {
        true => rng.pick(&PLAIN).to_owned(),
        false => rng.pick(&ODD).to_owned(),
    }
}

/// Puts space between tokens: every second one of what is returned.
pub fn lay_out(rng: &mut Rng, tokens: &[String]) -> Vec<String> {
    let style = rng.below(20);
    let mut pieces: Vec<String> = Vec::with_capacity(tokens.len() * 2);
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 {
            let before = &tokens[at - 1];
            pieces.push(between(rng, style, before, token));
        }
        pieces.push(token.clone());
    }
    if style == 19 && pieces.len() > 3 {
        let at = 2 * rng.below(pieces.len() / 2) + 1;
        pieces[at].push_str(rng.pick(&ODD));
    }
    match rng.below(40) {
        0 => pieces.insert(0, gap(rng)),
        1 => pieces.push(gap(rng)),
        2 => pieces.push(";".into()),
        3 => pieces.push(" -- done".into()),
        _ => {}
    }
    pieces
}

fn between(rng: &mut Rng, style: usize, before: &str, after: &str) -> String {
    if is_dual(before) || is_dual(after) {
        return " ".to_owned();
    }
    let is_dot = before == "." || after == ".";
    if is_dot && !(style > 14 && rng.percent(10)) {
        return String::new();
    }
    let symbol = |token: &str| matches!(token, "(" | ")" | "," | "[" | "]" | "." | "*");
    // Quotes, numbers and brackets need no space beside them.
    let ends = |token: &str| token.ends_with(['\'', '"', ')', '$']) && token.len() > 1;
    let may_touch = symbol(before)
        || symbol(after)
        || (ends(before) && after.starts_with(|c: char| c.is_ascii_alphabetic()));
    match style {
        0..12 => match may_touch && rng.percent(30) && !ends(before) {
            true => String::new(),
            false => " ".to_owned(),
        },
        12..15 if may_touch => String::new(),
        12..15 => " ".to_owned(),
        _ if rng.percent(12) => rng.pick(&PLAIN).to_owned(),
        _ if may_touch && rng.percent(30) => String::new(),
        _ => " ".to_owned(),
    }
}
