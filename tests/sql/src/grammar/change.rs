//! Statements that change tables.

use super::{COLUMNS, Grammar, Source, Type};
use crate::world;

impl Grammar<'_> {
    /// INSERT, UPDATE, DELETE or MERGE; with RETURNING where columns are wanted.
    pub(super) fn change(&mut self, returning: Option<&[Type]>) {
        self.scopes.push(Vec::new());
        match self.rng.below(if returning.is_some() { 9 } else { 10 }) {
            0..3 => {
                self.w("insert into");
                let mut target = self.base_table();
                if self.rng.percent(20) {
                    self.w("as");
                    let alias = self.alias();
                    self.name(&alias);
                    target.name = alias;
                }
                match self.rng.below(6) {
                    0 => self.w("default values"),
                    1 => {
                        self.w("( id , c ) values (");
                        self.expression(Type::Int);
                        self.w(",");
                        self.expression(Type::Text);
                        self.w(")");
                    }
                    2 => {
                        self.w("table");
                        self.base_table();
                    }
                    3 => {
                        self.w("(");
                        self.w("id , c )");
                        self.w("(");
                        self.query(&[Type::Int, Type::Text], false);
                        self.w(")");
                    }
                    _ => {
                        self.w("( id , c )");
                        self.query(&[Type::Int, Type::Text], false);
                    }
                }
                if self.rng.percent(3) {
                    self.w("on conflict do nothing");
                }
                self.add(target);
            }
            3..6 => {
                self.w("update");
                self.maybe(5, "only");
                let target = self.target();
                self.w("set");
                self.scopes.push(vec![target.clone()]);
                match self.rng.below(4) {
                    0 => {
                        self.w("( a , b ) = (");
                        self.query(&[Type::Int, Type::Int], false);
                        self.w(")");
                    }
                    1 => {
                        self.w("n [");
                        self.expression(Type::Int);
                        self.w("] =");
                        self.expression(Type::Int);
                    }
                    _ => {
                        self.w("a =");
                        self.expression(Type::Int);
                        if self.rng.percent(30) {
                            self.w(", c =");
                            self.expression(Type::Text);
                        }
                    }
                }
                self.scopes.pop();
                self.add(target);
                if self.rng.percent(40) {
                    self.w("from");
                    self.beside_target();
                }
                self.where_or_not();
            }
            6..9 => {
                self.w("delete from");
                self.maybe(5, "only");
                let target = self.target();
                self.add(target);
                if self.rng.percent(40) {
                    self.w("using");
                    self.beside_target();
                }
                self.where_or_not();
            }
            _ => {
                self.w("merge into");
                let target = self.base_table();
                self.w("as target using");
                self.add(Source {
                    name: "target".into(),
                    schema: None,
                    ..target
                });
                match self.rng.percent(50) {
                    true => {
                        self.base_table();
                    }
                    false => {
                        self.w("( select id , a , b , c , d from");
                        let _ = self.relation();
                        self.w(")");
                    }
                }
                self.w("as source on");
                let columns = COLUMNS[..4].to_vec();
                self.add(Source {
                    name: "source".into(),
                    schema: None,
                    columns,
                });
                self.expression(Type::Bool);
                match self.rng.percent(50) {
                    true => {
                        self.w("when matched then update set a =");
                        self.expression(Type::Int);
                    }
                    false => self.w("when matched then delete"),
                }
                if self.rng.percent(60) {
                    self.w("when not matched");
                    self.maybe(20, "and exists ( select 1 from finance.ledger )");
                    self.w("then insert ( a ) values (");
                    match self.rng.percent(50) {
                        true => self.w("source.a"),
                        false => self.scalar_query(Type::Int),
                    }
                    self.w(")");
                }
            }
        }
        if let Some(want) = returning {
            self.w("returning");
            // A row that was changed.
            let scope = self.scopes.pop().unwrap_or_default();
            let own = scope.into_iter().take(1).collect();
            self.scopes.push(own);
            self.list(want);
        } else if self.rng.percent(5)
            && !self
                .out
                .iter()
                .any(|token| token.eq_ignore_ascii_case("merge"))
        {
            self.w("returning");
            self.one_of(&["*", "1", "( select max(c) from secret.keys )"]);
        }
        self.scopes.pop();
    }

    /// A source that does not see the target, but is seen with it.
    pub(super) fn beside_target(&mut self) {
        let target = self.scopes.pop().unwrap_or_default();
        let names: Vec<String> = target.iter().map(|source| source.name.clone()).collect();
        self.scopes.push(Vec::new());
        self.source();
        let mut beside = self.scopes.pop().unwrap_or_default();
        beside.retain(|source| !names.contains(&source.name));
        self.scopes.push(target.into_iter().chain(beside).collect());
    }

    pub(super) fn where_or_not(&mut self) {
        if self.rng.percent(70) {
            self.w("where");
            self.expression(Type::Bool);
        }
    }

    pub(super) fn target(&mut self) -> Source {
        let mut source = match self.rng.percent(6) {
            true => {
                let (schema, name, _) = world::VIEWS[self.rng.below(world::VIEWS.len())];
                self.named(schema, name);
                Source {
                    name: name.to_owned(),
                    schema: Some(schema),
                    columns: COLUMNS.to_vec(),
                }
            }
            false => self.base_table(),
        };
        if self.rng.percent(40) {
            self.maybe(50, "as");
            let alias = self.alias();
            self.name(&alias);
            source.name = alias;
            source.schema = None;
        }
        source
    }
}
