//! Whether the tables of a list are linked by conditions.

use super::condition::{self, Reading};
use super::shape::{Relation, Shape, Span};
use crate::account::{Account, Part, Role};
use crate::source::Source;
use std::collections::HashMap;

/// Two relations that a condition links, the smaller index first.
type Pair = (usize, usize);

/// The relations by the names that qualify their columns; `None` where several have the same name.
pub(super) struct Links {
    names: HashMap<(usize, String), Option<usize>>,
    qualified: HashMap<(usize, String, String), Option<usize>>,
    has_joins: bool,
}

impl Links {
    pub(super) fn new(shape: &Shape) -> Self {
        let mut links = Self {
            names: HashMap::new(),
            qualified: HashMap::new(),
            has_joins: false,
        };
        let mut scopes: Vec<usize> = shape.relations.iter().map(|it| it.scope).collect();
        scopes.sort_unstable();
        links.has_joins = scopes.windows(2).any(|pair| pair.first() == pair.last());
        if !links.has_joins || shape.cross_join {
            return links;
        }
        for (number, relation) in shape.relations.iter().enumerate() {
            let Some(name) = &relation.name else {
                continue;
            };
            add(&mut links.names, (relation.scope, name.clone()), number);
            if let Some(schema) = &relation.schema {
                let key = (relation.scope, schema.clone(), name.clone());
                add(&mut links.qualified, key, number);
            }
        }
        links
    }

    /// Whether a list has relations that nothing links.
    pub(super) fn leave_apart(
        &self,
        shape: &Shape,
        source: &Source<'_>,
        account: &Account,
    ) -> bool {
        if !self.has_joins {
            return false;
        }
        let mut groups = Groups::new(shape.relations.len());
        for (one, other) in &shape.linked {
            groups.unite(*one, *other);
        }
        for (number, relation) in shape.relations.iter().enumerate() {
            if let Some(before) = self.array_of(relation).filter(|before| *before < number) {
                groups.unite(before, number);
            }
            if let Some(span) = relation.arguments {
                let mut reader = self.reader(source, account, relation.scope);
                for other in reader.named(span) {
                    groups.unite(other, number);
                }
            }
        }
        for condition in &shape.conditions {
            let mut reader = self.reader(source, account, condition.scope);
            let pairs = condition::read(source, condition.span, &mut reader);
            for (one, other) in pairs.into_iter().flatten() {
                groups.unite(one, other);
            }
        }
        let mut first: HashMap<usize, usize> = HashMap::new();
        shape
            .relations
            .iter()
            .enumerate()
            .any(|(number, relation)| {
                let group = groups.of(number);
                *first.entry(relation.scope).or_insert(group) != group
            })
    }

    /// The relation whose array this may be: `FROM orders o, o.items i`.
    fn array_of(&self, relation: &Relation) -> Option<usize> {
        let first = relation.first.clone()?;
        self.names.get(&(relation.scope, first)).copied().flatten()
    }

    fn reader<'a, 's>(
        &'a self,
        source: &'a Source<'s>,
        account: &'a Account,
        scope: usize,
    ) -> Reader<'a, 's> {
        Reader {
            links: self,
            source,
            account,
            scope,
        }
    }
}

fn add<K: std::hash::Hash + Eq>(names: &mut HashMap<K, Option<usize>>, key: K, number: usize) {
    names
        .entry(key)
        .and_modify(|known| *known = None)
        .or_insert(Some(number));
}

/// Groups of linked relations (a union-find).
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn of(&mut self, mut number: usize) -> usize {
        while let Some(above) = self.0.get(number).copied().filter(|above| *above != number) {
            // Shorten the path for later calls.
            let over = self.0.get(above).copied().unwrap_or(above);
            if let Some(slot) = self.0.get_mut(number) {
                *slot = over;
            }
            number = above;
        }
        number
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        if let Some(slot) = self.0.get_mut(one.max(other)) {
            *slot = one.min(other);
        }
    }
}

struct Reader<'a, 's> {
    links: &'a Links,
    source: &'a Source<'s>,
    account: &'a Account,
    scope: usize,
}

impl Reader<'_, '_> {
    /// The relations of the list whose columns are named here, outside of queries.
    fn named(&mut self, span: Span) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = span.begin;
        while at < span.end {
            if self.source.is_symbol(at, '(') && self.source.holds_query(at) {
                at = self.source.close_of(at);
            } else if self.account.role(at) == Some(Role::Column)
                && self.source.is_symbol(at + 1, '.')
                && !self.source.is_symbol(at.wrapping_sub(1), '.')
                && let Some(relation) = self.relation(at)
                && found.last() != Some(&relation)
            {
                found.push(relation);
            }
            at += 1;
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The relation whose column is named here: by its name, or by schema and name.
    fn relation(&self, at: usize) -> Option<usize> {
        let part = |at: usize| Part::of(&self.source.token(at)?).map(|part| part.folded());
        let first = part(at)?;
        if let Some(found) = self.links.names.get(&(self.scope, first.clone())) {
            return *found;
        }
        let mut schema = first;
        let mut at = at + 2;
        // `schema.table.column`, or with a database before it.
        for _ in 0..2 {
            if !self.source.is_symbol(at + 1, '.') {
                return None;
            }
            let name = part(at)?;
            let key = (self.scope, schema, name.clone());
            if let Some(found) = self.links.qualified.get(&key) {
                return *found;
            }
            schema = name;
            at += 2;
        }
        None
    }
}

impl Reading for Reader<'_, '_> {
    type Value = Vec<Pair>;

    fn part(&mut self, span: Span, negated: bool) -> Vec<Pair> {
        let Some(found) = condition::comparison(self.source, span) else {
            return Vec::new();
        };
        if negated || !found.is_positive {
            return Vec::new();
        }
        let (left, right) = (self.named(found.left), self.named(found.right));
        let (Some(first_left), Some(first_right)) = (left.first(), right.first()) else {
            return Vec::new();
        };
        let mut pairs: Vec<Pair> = left
            .iter()
            .map(|one| (*one, *first_right))
            .chain(right.iter().map(|other| (*first_left, *other)))
            .filter(|(one, other)| one != other)
            .map(|(one, other)| (one.min(other), one.max(other)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn and(&mut self, mut one: Vec<Pair>, mut other: Vec<Pair>, _negated: bool) -> Vec<Pair> {
        if one.len() < other.len() {
            std::mem::swap(&mut one, &mut other);
        }
        one.append(&mut other);
        one
    }

    fn or(&mut self, mut one: Vec<Pair>, mut other: Vec<Pair>, _negated: bool) -> Vec<Pair> {
        if one.len() < other.len() {
            std::mem::swap(&mut one, &mut other);
        }
        one.sort_unstable();
        other.retain(|pair| one.binary_search(pair).is_ok());
        other
    }
}
