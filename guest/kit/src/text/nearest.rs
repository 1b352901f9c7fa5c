//! Which known name somebody meant.

/// The known name that `name` is a near miss of, if there is one.
///
/// A near miss differs in case, in `_` and `-`, or by a few letters: one for names of up to five letters,
/// two for longer ones (a letter more, less, changed, or two neighbours swapped).
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = plain(name);
    // Nothing known is so long; this bounds the work on foreign input.
    if name.is_empty() || name.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .filter_map(|candidate| {
            let allowed = if candidate.len() <= 5 { 1 } else { 2 };
            let plain = plain(candidate);
            // So many changes are needed at least.
            if name.len().abs_diff(plain.len()) > allowed {
                return None;
            }
            let distance = distance(&name, &plain);
            (distance <= allowed && distance < name.len()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> Vec<char> {
    name.chars()
        .filter(|c| *c != '_' && *c != '-' && !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Optimal string alignment distance, on rows.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&above, j) + usize::from(x != y))
                .min(at(&above, j + 1) + 1)
                .min(at(&row, j) + 1);
            let neighbour = j.checked_sub(1).and_then(|k| b.get(k));
            if j > 0 && previous == Some(y) && neighbour == Some(x) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
        previous = Some(x);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: [&str; 4] = ["sqlStatement", "sqlStatements", "step", "taskToken"];

    #[test]
    fn a_near_miss_names_the_one_that_was_meant() {
        for (wrong, meant) in [
            ("SqlStatement", "sqlStatement"),
            ("sql_statement", "sqlStatement"),
            ("sqlStatment", "sqlStatement"),
            ("sqlStatemnets", "sqlStatements"),
            ("Step", "step"),
            ("tsep", "step"),
            ("taskTokn", "taskToken"),
        ] {
            assert_eq!(nearest(wrong, KNOWN), Some(meant), "{wrong}");
        }
    }

    #[test]
    fn other_names_are_not_near() {
        for other in ["comment", "s", "", "statement", "environment", "stage"] {
            assert_eq!(nearest(other, KNOWN), None, "{other}");
        }
        assert_eq!(nearest(&"sqlStatement".repeat(100), KNOWN), None);
    }
}
