//! What stands in FROM.

use super::query::OUTPUT;
use super::{COLUMNS, Grammar, Source, Type};

impl Grammar<'_> {
    /// A table, a view or a query's name, with an alias or without.
    pub(super) fn relation(&mut self) -> Source {
        let mut source = match self.queries.len() {
            count if count > 0 && self.rng.percent(45) => {
                let source = self.queries[self.rng.below(count)].clone();
                self.name(&source.name);
                source
            }
            _ => match self.rng.below(30) {
                0..4 if self.is_tame => self.table(),
                0 => {
                    self.w("only");
                    self.base_table()
                }
                1 => {
                    self.w("only (");
                    let source = self.base_table();
                    self.w(")");
                    source
                }
                2 => {
                    let source = self.base_table();
                    self.w("*");
                    source
                }
                3 => {
                    let source = self.base_table();
                    self.w("as s1 tablesample system ( 100 )");
                    let is_taken = self
                        .scopes
                        .last()
                        .is_some_and(|scope| scope.iter().any(|known| known.name == "s1"));
                    return Source {
                        name: if is_taken { "s2".into() } else { "s1".into() },
                        schema: None,
                        ..source
                    };
                }
                _ => self.table(),
            },
        };
        let is_taken = self
            .scopes
            .last()
            .is_some_and(|scope| scope.iter().any(|known| known.name == source.name));
        if is_taken || self.rng.percent(50) {
            self.maybe(60, "as");
            let alias = self.alias();
            self.name(&alias);
            source.name = alias;
            source.schema = None;
        }
        source
    }

    /// An item of FROM; its sources are added to the innermost scope.
    pub(super) fn source(&mut self) {
        if !self.deeper(45) {
            let source = self.relation();
            return self.add(source);
        }
        if self.rng.percent(7) {
            return self.redshift_source();
        }
        let range = if self.is_tame { 15 } else { 22 };
        match self.rng.below(range) {
            0..7 => self.join(),
            7 => {
                self.w("(");
                self.join();
                self.w(")");
            }
            8..12 => {
                let want = self.some_types();
                self.w("(");
                self.out_of_scope(|grammar| grammar.query(&want, false));
                self.w(")");
                self.aliased(&want);
            }
            12..14 => {
                let want = self.some_types();
                self.w("lateral (");
                self.query(&want, false);
                self.w(")");
                self.aliased(&want);
            }
            14 => {
                self.w("( values (");
                self.expression(Type::Int);
                self.w(",");
                self.expression(Type::Text);
                self.w(") )");
                self.aliased(&[Type::Int, Type::Text]);
            }
            15 => {
                self.maybe(20, "lateral");
                self.w("unnest (");
                self.expression(Type::Ints);
                self.w(")");
                self.aliased(&[Type::Int]);
            }
            16 => {
                self.maybe(20, "lateral");
                self.w("generate_series ( 1 ,");
                self.expression(Type::Int);
                self.w(")");
                self.aliased(&[Type::Int]);
            }
            17 => {
                self.w("public");
                self.raw(".");
                self.w("rows_of (");
                self.expression(Type::Int);
                self.w(")");
                let alias = self.alias();
                self.maybe(50, "as");
                self.name(&alias);
                self.add(Source {
                    name: alias,
                    schema: None,
                    columns: COLUMNS.to_vec(),
                });
            }
            18 => {
                self.w("rows from ( unnest (");
                self.expression(Type::Ints);
                self.w(") , generate_series ( 1 , ( select 2 ) ) )");
                self.maybe(40, "with ordinality");
                self.aliased(&[Type::Int, Type::Int]);
            }
            19 => {
                let set = self
                    .rng
                    .pick(&[
                        "current_setting('search_path')",
                        "upper('x')",
                        "set_config('search_path', 'secret', true)",
                        "current_user",
                        "cast('x' as text)",
                    ])
                    .to_owned();
                self.raw(set);
                self.aliased(&[Type::Text]);
            }
            20 => {
                self.w("xmltable ( '/r' passing (");
                self.out_of_scope(|grammar| {
                    grammar.w("select xmlelement ( name r , max ( c ) ) from");
                    let _ = grammar.relation();
                });
                self.w(") columns a int path 'x' default");
                self.number();
                self.w(")");
                let alias = self.alias();
                self.w("as");
                self.name(&alias);
                self.add(Source {
                    name: alias,
                    schema: None,
                    columns: vec![("a", Type::Int)],
                });
            }
            _ => {
                self.w("(");
                self.w("table");
                let source = self.table();
                self.w(")");
                self.w("as");
                let alias = self.alias();
                self.name(&alias);
                self.add(Source {
                    name: alias,
                    schema: None,
                    columns: source.columns,
                });
            }
        }
    }

    pub(super) fn add(&mut self, source: Source) {
        match self.scopes.last_mut() {
            Some(scope) => scope.push(source),
            None => self.scopes.push(vec![source]),
        }
    }

    /// What is made here does not see the sources beside it.
    pub(super) fn out_of_scope(&mut self, make: impl FnOnce(&mut Self)) {
        let scope = self.scopes.pop();
        make(self);
        self.scopes.extend(scope);
    }

    /// An alias with names for the columns.
    pub(super) fn aliased(&mut self, want: &[Type]) {
        self.maybe(60, "as");
        let alias = self.alias();
        self.name(&alias);
        let columns: Vec<(&'static str, Type)> =
            OUTPUT.iter().copied().zip(want.iter().copied()).collect();
        self.columns_list(&columns);
        self.add(Source {
            name: alias,
            schema: None,
            columns,
        });
    }

    pub(super) fn join(&mut self) {
        let source = self.relation();
        self.add(source);
        match self.rng.below(8) {
            0 => {
                self.w("cross join");
                self.source();
            }
            1 => {
                self.w("natural join");
                let source = self.relation();
                self.add(source);
            }
            2 => {
                self.one_of(&["join", "left join"]);
                let source = self.relation();
                self.add(source);
                self.w("using ( a )");
                self.maybe(20, "as j1");
            }
            _ => {
                if self.rng.percent(20) {
                    // What is to the right of these does not see what is to the left.
                    self.one_of(&["right outer join", "full join"]);
                    let source = self.relation();
                    self.add(source);
                    self.w("on true");
                    return;
                }
                self.one_of(&["join", "inner join", "left join"]);
                self.source();
                self.w("on");
                match self.rng.percent(40) {
                    true => self.w("true"),
                    false => self.expression(Type::Bool),
                }
            }
        }
    }
}
