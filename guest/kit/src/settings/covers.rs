//! Whether one condition holds wherever another does, and whether both can hold at once.
//!
//! Both answers are careful: a condition is said to imply another only if it is sure to, and two are said to meet only if each
//! of their lists has patterns that meet.

use super::{Glob, StructureWhen, TablePattern, When};

/// Whether whatever `one` holds for, `other` holds for too.
pub(super) fn implies(one: &When, other: &When) -> bool {
    let tables = !other.looks_at_tables()
        || (one.tables.len() + one.schemas.len() > 0 || one.access == other.access)
            && tables_in(&one.tables, &other.tables)
            && globs_in(&one.schemas, &other.schemas)
            && (other.access.is_none() || one.access == other.access);
    let labels = other.labels.iter().all(|(name, patterns)| {
        let mut same = one.labels.iter().filter(|(label, _)| label == name);
        same.any(|(_, inner)| globs_in(inner, patterns))
    });
    let any = other.any.is_empty()
        || one.any == other.any
        || other
            .any
            .iter()
            .any(|alternative| implies(one, alternative))
        || (!one.any.is_empty()
            && one.any.iter().all(|inner| {
                other
                    .any
                    .iter()
                    .any(|alternative| implies(inner, alternative))
            }));
    globs_in(&one.kinds, &other.kinds)
        && tables
        && globs_in(&one.functions, &other.functions)
        && (other.functions_with_effects.is_none()
            || one.functions_with_effects == other.functions_with_effects)
        && globs_in(&one.targets, &other.targets)
        && globs_in(&one.execution_arns, &other.execution_arns)
        && globs_in(&one.state_machines, &other.state_machines)
        && labels
        && (other.time.is_empty()
            || !one.time.is_empty() && one.time.iter().all(|window| other.time.contains(window)))
        && other
            .longer_than
            .is_none_or(|bytes| one.longer_than.is_some_and(|more| more >= bytes))
        && (other.unparsed.is_none() || one.unparsed == other.unparsed)
        && (other.unqualified.is_none() || one.unqualified == other.unqualified)
        && structure_in(one.structure.as_deref(), other.structure.as_deref())
        && (other.not.is_none() || one.not == other.not)
        && any
}

fn structure_in(one: Option<&StructureWhen>, other: Option<&StructureWhen>) -> bool {
    let Some(other) = other else { return true };
    let Some(one) = one else { return false };
    let flag = |one: Option<bool>, other: Option<bool>| other.is_none() || one == other;
    let locations = other.locations.is_empty()
        || !one.locations.is_empty()
            && one
                .locations
                .iter()
                .all(|inner| other.locations.contains(inner));
    flag(one.without_where, other.without_where)
        && flag(one.select_star, other.select_star)
        && flag(one.without_limit, other.without_limit)
        && flag(one.cross_join, other.cross_join)
        && locations
        && globs_in(&one.iam_roles, &other.iam_roles)
        && globs_in(&one.options, &other.options)
        && tables_in(&one.creates, &other.creates)
        && tables_in(&one.drops, &other.drops)
        && tables_in(&one.grants, &other.grants)
}

/// Whether each text that a pattern of `one` matches is matched by one of `other`. No pattern matches anything.
fn globs_in(one: &[Glob], other: &[Glob]) -> bool {
    other.is_empty()
        || !one.is_empty()
            && one
                .iter()
                .all(|inner| other.iter().any(|outer| outer.covers(inner)))
}

fn tables_in(one: &[TablePattern], other: &[TablePattern]) -> bool {
    other.is_empty()
        || !one.is_empty()
            && one
                .iter()
                .all(|inner| other.iter().any(|outer| outer.covers(inner)))
}

/// Whether both look for the same things, and there are words that satisfy both. What only one of them looks for is not known to
/// keep them apart, but a pair that has nothing in common is not said to meet.
pub(super) fn intersects(one: &When, other: &When) -> bool {
    let mut has_common = false;
    let mut meet = true;
    let mut look = |one: &[Glob], other: &[Glob]| {
        if one.is_empty() || other.is_empty() {
            return;
        }
        has_common = true;
        meet &= one.iter().any(|a| other.iter().any(|b| a.meets(b)));
    };
    look(&one.kinds, &other.kinds);
    look(&one.schemas, &other.schemas);
    look(&one.functions, &other.functions);
    look(&one.targets, &other.targets);
    look(&one.execution_arns, &other.execution_arns);
    look(&one.state_machines, &other.state_machines);
    for (name, patterns) in &one.labels {
        for (_, others) in other.labels.iter().filter(|(label, _)| label == name) {
            look(patterns, others);
        }
    }
    if !one.tables.is_empty() && !other.tables.is_empty() {
        has_common = true;
        meet &= one
            .tables
            .iter()
            .any(|a| other.tables.iter().any(|b| a.meets(b)));
    }
    let differs =
        |one: Option<bool>, other: Option<bool>| one.is_some() && other.is_some() && one != other;
    let access = one.access.is_none() || other.access.is_none() || one.access == other.access;
    let excludes =
        |one: &When, other: &When| one.not.as_deref().is_some_and(|not| implies(other, not));
    has_common
        && meet
        && access
        && !differs(one.unparsed, other.unparsed)
        && !differs(one.unqualified, other.unqualified)
        && !excludes(one, other)
        && !excludes(other, one)
}

impl Glob {
    /// Whether each text that the other matches is matched. Sure where it says so.
    fn covers(&self, inner: &Self) -> bool {
        let outer: Vec<char> = self.text().chars().collect();
        let inner: Vec<char> = inner.text().chars().collect();
        // The inner pattern is read as a text in which a wildcard is a character that only a star, or its own kind, takes.
        let (mut at, mut in_outer) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while let Some(c) = inner.get(at) {
            match outer.get(in_outer) {
                Some('*') => {
                    in_outer += 1;
                    retry = Some((at + 1, in_outer));
                }
                Some(p) if *c != '*' && (*p == '?' || p == c) => {
                    at += 1;
                    in_outer += 1;
                }
                _ => match retry {
                    Some((next, behind)) => {
                        at = next;
                        in_outer = behind;
                        retry = Some((next + 1, behind));
                    }
                    None => return false,
                },
            }
        }
        outer.iter().skip(in_outer).all(|p| *p == '*')
    }

    /// Whether there is a text that both match.
    fn meets(&self, other: &Self) -> bool {
        let one: Vec<char> = self.text().chars().collect();
        let other: Vec<char> = other.text().chars().collect();
        // Whether what is left of both, from here on, can be the same text: of each place in `one`, by places in `other`.
        let mut behind: Vec<bool> = Vec::new();
        for at in (0..=one.len()).rev() {
            let mut row = vec![false; other.len() + 1];
            for other_at in (0..=other.len()).rev() {
                let (a, b) = (one.get(at), other.get(other_at));
                let right = row.get(other_at + 1).copied().unwrap_or(false);
                let below = behind.get(other_at).copied().unwrap_or(false);
                let diagonal = behind.get(other_at + 1).copied().unwrap_or(false);
                let meets = match (a, b) {
                    (None, None) => true,
                    (Some('*'), None) => below,
                    (None, Some('*')) => right,
                    (None, _) | (_, None) => false,
                    (Some('*'), _) | (_, Some('*')) => below || right || diagonal,
                    (Some(a), Some(b)) => (a == b || *a == '?' || *b == '?') && diagonal,
                };
                if let Some(place) = row.get_mut(other_at) {
                    *place = meets;
                }
            }
            behind = row;
        }
        behind.first().copied().unwrap_or(false)
    }
}

impl TablePattern {
    fn covers(&self, inner: &Self) -> bool {
        let part = |outer: Option<&Glob>, inner: Option<&Glob>| match (outer, inner) {
            (None, _) => true,
            (Some(outer), Some(inner)) => outer.covers(inner),
            // Of a part that is not named nothing is known.
            (Some(outer), None) => outer.text() == "*",
        };
        part(self.database(), inner.database())
            && part(self.parts().0, inner.parts().0)
            && self.parts().1.covers(inner.parts().1)
    }

    fn meets(&self, other: &Self) -> bool {
        let part = |one: Option<&Glob>, other: Option<&Glob>| match (one, other) {
            (Some(one), Some(other)) => one.meets(other),
            _ => true,
        };
        part(self.database(), other.database())
            && part(self.parts().0, other.parts().0)
            && self.parts().1.meets(other.parts().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_covers_matches_all_that_the_other_does(outer in "[ab*?]{0,5}", inner in "[ab*?]{0,5}", text in "[abc]{0,6}") {
            let (outer, inner) = (Glob::new(&outer), Glob::new(&inner));
            if outer.covers(&inner) && inner.matches(&text) {
                prop_assert!(outer.matches(&text));
            }
            if outer.matches(&text) && inner.matches(&text) {
                prop_assert!(outer.meets(&inner));
            }
            prop_assert!(outer.covers(&outer));
            prop_assert_eq!(outer.meets(&inner), inner.meets(&outer));
        }
    }

    #[test]
    fn patterns_that_cannot_meet_do_not() {
        for (one, other, meet) in [
            ("a*", "b*", false),
            ("a*", "*b", true),
            ("a?", "ab", true),
            ("a?", "a", false),
            ("*x*", "y", false),
            ("", "*", true),
        ] {
            assert_eq!(
                Glob::new(one).meets(&Glob::new(other)),
                meet,
                "{one} {other}"
            );
        }
    }
}
