//! Makes a text that shows something shorter.

use crate::text::is_dual;

/// Deletes pieces as long as `shows` holds of the text that is left.
pub fn minimise(pieces: &[String], mut shows: impl FnMut(&[String]) -> bool) -> Vec<String> {
    let mut best = pieces.to_vec();
    let mut tries = 500_usize;
    let mut length = (best.len() / 2).max(1);
    loop {
        let mut changed = false;
        let mut at = 0;
        while at < best.len() && tries > 0 {
            let end = (at + length).min(best.len());
            let mut shorter = best.clone();
            let removed: Vec<String> = shorter.drain(at..end).collect();
            // Words do not run together.
            if removed.iter().any(|piece| piece != " ") && joins(&shorter, at) {
                shorter.insert(at, " ".into());
            }
            tries -= 1;
            if shorter.len() < best.len() && shows(&shorter) {
                best = shorter;
                changed = true;
            } else {
                at += length;
            }
        }
        if tries == 0 || (length == 1 && !changed) {
            break;
        }
        if length > 1 && !changed {
            length /= 2;
        }
    }
    // What is in brackets becomes a value, or loses its brackets.
    let mut at = 0;
    while at < best.len() {
        if best[at] == "("
            && let Some(end) = closing(&best, at)
        {
            for value in [" 1 ", " null ", "", "(1)", "(true)"] {
                let mut shorter = best.clone();
                shorter.splice(at..=end, [value.to_owned()]);
                tries = tries.saturating_sub(1);
                if end > at + 1 && tries > 0 && shows(&shorter) {
                    best = shorter;
                    break;
                }
            }
            if let Some(end) = closing(&best, at) {
                let mut shorter = best.clone();
                shorter[end] = " ".into();
                shorter[at] = " ".into();
                tries = tries.saturating_sub(1);
                if tries > 0 && shows(&shorter) {
                    best = shorter;
                }
            }
        }
        at += 1;
    }
    for at in 0..best.len() {
        for simpler in simpler(&best[at]) {
            let mut text = best.clone();
            text[at] = simpler;
            if tries > 0 && text[at] != best[at] && shows(&text) {
                best = text;
            }
            tries = tries.saturating_sub(1);
        }
    }
    best
}

fn closing(pieces: &[String], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, piece) in pieces.iter().enumerate().skip(open) {
        match piece.as_str() {
            "(" => depth += 1,
            ")" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn joins(pieces: &[String], at: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '\'';
    at > 0
        && at < pieces.len()
        && pieces[at - 1].ends_with(is_word)
        && pieces[at].starts_with(is_word)
}

fn simpler(piece: &str) -> Vec<String> {
    if is_dual(piece) {
        return Vec::new();
    }
    if piece.trim().is_empty() || piece.starts_with("/*") || piece.starts_with("--") {
        return vec![" ".into()];
    }
    vec![
        piece.to_lowercase(),
        piece.trim().to_owned(),
        piece.trim_matches('"').to_lowercase(),
    ]
}
