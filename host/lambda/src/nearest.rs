//! Which known name somebody meant.

/// The known name that `name` is a near miss of, if there is one: the same but for case, `-` and `_`, or at most
/// two letters away (one, for names of up to five letters).
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = plain(name);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= if candidate.len() <= 5 { 1 } else { 2 })
        .filter(|(distance, _)| *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    // Nothing known is longer; this bounds the work on foreign input.
    name.chars()
        .take(80)
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_misses_and_others() {
        let known = ["cluster_identifier", "region", "DATABASE"];
        for (wrong, meant) in [
            ("clusterIdentifier", Some("cluster_identifier")),
            ("cluster-identifer", Some("cluster_identifier")),
            ("regoin", Some("region")),
            ("database", Some("DATABASE")),
            ("role", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), meant, "{wrong}");
        }
        assert_eq!(
            nearest("no", ["on"]),
            Some("on"),
            "two neighbours swapped are one step"
        );
        assert_eq!(
            nearest("x", ["on"]),
            None,
            "everything is near a name of one letter"
        );
    }
}
