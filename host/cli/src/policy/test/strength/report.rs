//! Coverage and mutants, for people and programs.

use serde_json::{Value, json};

use super::{Change, Strength, suggest::Suggested};
use crate::out;

/// What was asked for.
pub(in crate::policy::test) struct Report<'s> {
    pub(in crate::policy::test) strength: &'s Strength,
    /// Whether rules are shown.
    pub(in crate::policy::test) coverage: bool,
    /// What was found of living mutants; none if mutants are not asked for.
    pub(in crate::policy::test) suggested: Option<&'s Suggested>,
}

impl Report<'_> {
    /// How many rules and branches decided in a test, and of how many.
    pub(in crate::policy::test) fn covered(&self) -> (usize, usize) {
        let rules = &self.strength.rules;
        let decided = rules.iter().filter(|rule| !rule.decided.is_empty()).count();
        let branches = || {
            let tried = self.strength.tried.iter();
            tried.filter(|it| it.mutant.change == Change::NoBranch)
        };
        let taken = branches().filter(|it| !it.changed.is_empty()).count();
        (decided + taken, rules.len() + branches().count())
    }

    /// How many mutants were killed, and of how many; those that nothing tells from the settings do not count.
    pub(in crate::policy::test) fn killed(&self) -> (usize, usize) {
        let all = self.strength.tried.len();
        let alive = self.strength.alive().count();
        let same = self.suggested.map_or(0, |found| found.same.len());
        (all - alive, all - same)
    }

    pub(in crate::policy::test) fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        if self.coverage {
            self.coverage(&mut lines);
        }
        if let Some(found) = self.suggested {
            self.mutants(&mut lines, found);
        }
        lines
    }

    fn coverage(&self, lines: &mut Vec<String>) {
        let (covered, all) = self.covered();
        lines.push(format!(
            "coverage of {}: {covered} of {all} rules and branches decide in a test ({} %)",
            out::styled(out::NAME, &self.strength.name),
            percent(covered, all)
        ));
        let width = self
            .strength
            .rules
            .iter()
            .map(|rule| rule.name.chars().count())
            .max();
        let width = width.unwrap_or(0);
        for rule in &self.strength.rules {
            let only = rule.matched.difference(&rule.decided).count();
            let line = match (rule.decided.len(), only) {
                (0, 0) => out::styled(out::BAD, "never matched"),
                (0, only) => out::styled(
                    out::NOTE,
                    format_args!("matched in {}, decided in none", tests(only)),
                ),
                (decided, 0) => format!("decided in {}", tests(decided)),
                (decided, only) => format!(
                    "decided in {}, matched without deciding in {only}",
                    tests(decided)
                ),
            };
            lines.push(format!("  {:width$}  {line}", rule.name));
        }
        for tried in &self.strength.tried {
            if tried.mutant.change == Change::NoBranch && tried.changed.is_empty() {
                lines.push(format!(
                    "  {}  {}",
                    tried.mutant.place,
                    out::styled(out::BAD, "never decided")
                ));
            }
        }
        for test in &self.strength.vacuous {
            if let Some(test) = self.strength.tests.get(*test) {
                lines.push(format!(
                    "{} test {} passes without the rule that decides in it: expect its `rule` or its `message`",
                    out::styled(out::NOTE, "vacuous:"),
                    test.name
                ));
            }
        }
    }

    fn mutants(&self, lines: &mut Vec<String>, found: &Suggested) {
        let (killed, all) = self.killed();
        lines.push(format!(
            "mutants of {}: {killed} of {all} killed ({} %)",
            out::styled(out::NAME, &self.strength.name),
            percent(killed, all)
        ));
        for alive in &found.alive {
            lines.push(format!("  {} {alive}", out::styled(out::BAD, "lives:")));
        }
        if !found.same.is_empty() {
            lines.push(format!(
                "  {} that no payload tells from the settings, as far as was tried:",
                match found.same.len() {
                    1 => "1 more".to_owned(),
                    count => format!("{count} more"),
                }
            ));
            for same in &found.same {
                lines.push(format!("    {}", out::styled(out::FAINT, same)));
            }
        }
    }

    pub(in crate::policy::test) fn document(&self) -> Value {
        let name = |test: &usize| self.strength.tests.get(*test).map(|test| test.name.clone());
        let names =
            |tests: &mut dyn Iterator<Item = &usize>| tests.filter_map(name).collect::<Vec<_>>();
        let rules: Vec<_> = self
            .strength
            .rules
            .iter()
            .map(|rule| {
                json!({
                    "rule": rule.name,
                    "decided": names(&mut rule.decided.iter()),
                    "matched": names(&mut rule.matched.iter()),
                })
            })
            .collect();
        let tried: Vec<_> = self
            .strength
            .tried
            .iter()
            .map(|it| {
                json!({
                    "place": it.mutant.place,
                    "what": it.mutant.what,
                    "branch": it.mutant.change == Change::NoBranch,
                    "decided": names(&mut it.changed.iter()),
                    "killedBy": names(&mut it.killed_by.iter()),
                })
            })
            .collect();
        let (covered, branches) = self.covered();
        let (killed, mutants) = self.killed();
        json!({
            "policy": self.strength.name,
            "covered": covered,
            "branches": branches,
            "rules": rules,
            "vacuous": names(&mut self.strength.vacuous.iter()),
            "killed": killed,
            "mutants": mutants,
            "tried": tried,
            "alive": self.suggested.map(|found| &found.alive),
            "same": self.suggested.map(|found| &found.same),
        })
    }
}

fn tests(count: usize) -> String {
    match count {
        1 => "1 test".to_owned(),
        count => format!("{count} tests"),
    }
}

/// Whole percent, rounded down: 100 means all.
pub(in crate::policy::test) fn percent(part: usize, all: usize) -> usize {
    match all {
        0 => 100,
        all => part * 100 / all,
    }
}
