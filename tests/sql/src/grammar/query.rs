//! Queries.

use super::{COLUMNS, Grammar, Source, Type};
use crate::world;

/// Names of the columns of a query, in order.
const OUTPUT: [&str; 6] = ["a", "c", "b", "d", "id", "n"];

impl Grammar<'_> {
    /// A query with columns of these types. Only the outermost may have changes in its WITH.
    pub(super) fn query(&mut self, want: &[Type], is_outermost: bool) {
        let known = self.queries.len();
        if self.deeper(if is_outermost { 25 } else { 8 }) {
            self.with(is_outermost);
        }
        if self.deeper(8) {
            self.operands(want);
        } else if self.rng.percent(4) {
            self.values(want);
        } else if self.rng.percent(3) {
            self.w("(");
            self.query(want, false);
            self.w(")");
        } else {
            self.select(want, None);
        }
        self.tail(want.len());
        self.queries.truncate(known);
    }

    fn tail(&mut self, columns: usize) {
        if self.rng.percent(4) {
            self.w("order by (");
            let scopes = std::mem::take(&mut self.scopes);
            self.aggregate_query(Type::Int);
            self.scopes = scopes;
            self.w(")");
        } else if self.rng.percent(15) {
            self.w("order by 1");
            self.one_of(&["", "desc", "asc nulls last"]);
            if columns > 1 {
                self.maybe(30, ", 2");
            }
        }
        if self.rng.percent(15) {
            match self.rng.below(5) {
                0 if !self.is_tame => self.w("fetch first 1 rows only"),
                1 => self.w("limit all"),
                2 => {
                    self.w("limit (");
                    self.aggregate_query(Type::Int);
                    self.w(")");
                }
                3 if !self.is_tame => {
                    self.w("fetch next (");
                    self.w("1 + 1");
                    self.w(") rows only");
                }
                _ => self.w("limit 1"),
            }
            match self.rng.below(12) {
                0..3 => self.w("offset 0"),
                3 => {
                    self.w("offset (");
                    let scopes = std::mem::take(&mut self.scopes);
                    self.aggregate_query(Type::Int);
                    self.scopes = scopes;
                    self.w(")");
                }
                _ => {}
            }
        }
    }

    /// Two queries and what is between them.
    fn operands(&mut self, want: &[Type]) {
        for at in 0..2 {
            if at == 1 {
                if self.rng.percent(8) {
                    self.dual("minus", "except");
                    self.select(want, None);
                    continue;
                }
                self.one_of(&[
                    "union",
                    "union all",
                    "intersect",
                    "except",
                    "except all",
                    "union distinct",
                ]);
            }
            match self.rng.below(6) {
                0 => {
                    self.w("(");
                    self.query(want, false);
                    self.w(")");
                }
                1 => self.values(want),
                _ => self.select(want, None),
            }
        }
    }

    fn values(&mut self, want: &[Type]) {
        self.w("values");
        let rows = 1 + self.rng.below(2);
        for row in 0..rows {
            if row > 0 {
                self.w(",");
            }
            self.w("(");
            self.list(want);
            self.w(")");
        }
    }

    fn list(&mut self, want: &[Type]) {
        for (at, of) in want.iter().enumerate() {
            if at > 0 {
                self.w(",");
            }
            self.expression(*of);
        }
    }

    fn with(&mut self, may_change: bool) {
        self.w("with");
        let is_recursive = self.rng.percent(20);
        if is_recursive {
            self.w("recursive");
        }
        let count = 1 + self.rng.below(2);
        for at in 0..count {
            if at > 0 {
                self.w(",");
            }
            let name = self.query_name(at);
            self.name(&name);
            let want = self.some_types();
            let columns: Vec<(&'static str, Type)> =
                OUTPUT.iter().copied().zip(want.iter().copied()).collect();
            let source = Source {
                name,
                schema: None,
                columns,
            };
            if is_recursive && self.rng.percent(60) {
                // A query that refers to itself.
                self.w("( a , c ) as ( select 1 , 'x'::text union all select q.a + 1 , q.c from");
                self.name(&source.name);
                self.w("as q where q.a < 3 )");
                let columns = vec![("a", Type::Int), ("c", Type::Text)];
                self.queries.push(Source { columns, ..source });
                continue;
            }
            self.columns_list(&source.columns);
            self.w("as");
            if self.wild(40) {
                self.one_of(&["materialized", "not materialized"]);
            }
            self.w("(");
            if may_change && self.rng.percent(20) {
                self.change(Some(&want));
            } else {
                self.query(&want, false);
            }
            self.w(")");
            self.queries.push(source);
        }
    }

    fn query_name(&mut self, at: usize) -> String {
        let name = self.alias();
        match self.queries.iter().any(|query| query.name == name) {
            true => format!("q{}{at}", self.queries.len()),
            false => name,
        }
    }

    fn columns_list(&mut self, columns: &[(&'static str, Type)]) {
        self.w("(");
        for (at, (name, _)) in columns.iter().enumerate() {
            if at > 0 {
                self.w(",");
            }
            self.name(name);
        }
        self.w(")");
    }

    pub(super) fn some_types(&mut self) -> Vec<Type> {
        let all = [Type::Int, Type::Text, Type::Int, Type::Date];
        all[..1 + self.rng.below(all.len())].to_vec()
    }

    /// SELECT. `into` is where its rows go.
    pub(super) fn select(&mut self, want: &[Type], into: Option<&str>) {
        // The list comes before what it may name: it is made last and put there.
        let before = std::mem::take(&mut self.out);
        let has_from = self.rng.percent(88);
        let mut scope = Vec::new();
        if has_from {
            self.w("from");
            self.scopes.push(Vec::new());
            let count = 1 + usize::from(self.deeper(25)) + usize::from(self.deeper(8));
            for at in 0..count {
                if at > 0 {
                    self.w(",");
                }
                self.from_item();
            }
            scope = self.scopes.pop().unwrap_or_default();
        }
        self.scopes.push(scope);
        let mut is_qualified = false;
        if self.deeper(35) {
            self.w("where");
            self.expression(Type::Bool);
        } else if has_from && self.deeper(8) {
            is_qualified = true;
            match self.rng.percent(60) {
                true => {
                    self.dual(
                        "qualify ( row_number ( ) over ( order by 1 ) = 1 and",
                        "where (",
                    );
                    self.expression(Type::Bool);
                    self.w(")");
                }
                false => {
                    self.dual("start with", "where");
                    self.expression(Type::Bool);
                    self.dual("connect by prior id = a", "");
                }
            }
        }
        let is_grouped = has_from && !is_qualified && self.rng.percent(8);
        let mut is_locked = false;
        if is_grouped {
            self.w("group by");
            match self.rng.below(4) {
                0 => {
                    let scopes = std::mem::take(&mut self.scopes);
                    self.scalar_query(Type::Int);
                    self.scopes = scopes;
                }
                1 => {
                    self.w("grouping sets ( ( ) , (");
                    self.expression(Type::Int);
                    self.w(") )");
                }
                _ => self.one_of(&["( )", "grouping sets ( ( ) )", "( ) , ( )"]),
            }
            if self.rng.percent(50) {
                self.w("having exists (");
                let scopes = std::mem::take(&mut self.scopes);
                self.query(&[Type::Int], false);
                self.scopes = scopes;
                self.w(")");
            }
        } else if self.rng.percent(5) {
            self.w("window w as (");
            if self.rng.percent(30) {
                self.w("partition by");
                self.expression(Type::Text);
            }
            self.w("order by");
            self.expression(Type::Int);
            self.maybe(30, "rows between ( select 1 ) preceding and current row");
            self.w(")");
        } else if has_from && into.is_none() && self.wild(4) {
            is_locked = true;
            self.one_of(&[
                "for update",
                "for share",
                "for no key update nowait",
                "for key share skip locked",
            ]);
        }
        let rest = std::mem::replace(&mut self.out, before);
        self.w("select");
        if self.rng.percent(3) {
            self.dual("top 5", "");
        }
        if !is_grouped && !is_locked && self.rng.percent(6) {
            self.w("distinct");
            if self.rng.percent(30) {
                self.w("on ( 0 +");
                self.expression(Type::Int);
                self.w(")");
            }
        } else {
            self.maybe(2, "all");
        }
        for (at, of) in want.iter().enumerate() {
            if at > 0 {
                self.w(",");
            }
            match is_grouped {
                true => self.aggregate(*of),
                false => self.expression(*of),
            }
            if is_locked {
                continue;
            }
            match self.rng.below(10) {
                0..6 => {
                    self.w("as");
                    self.name(OUTPUT[at]);
                }
                _ => self.name_bare(OUTPUT[at]),
            }
        }
        if let Some(into) = into {
            self.w("into");
            self.w(into);
        }
        self.scopes.pop();
        self.out.extend(rest);
    }

    /// A column's name without AS.
    fn name_bare(&mut self, name: &str) {
        self.name(name);
    }

    fn aggregate(&mut self, of: Type) {
        match of {
            Type::Int => self.one_of(&["max", "min", "max ( distinct 1 ) + max", "public.total"]),
            Type::Text | Type::Date => self.one_of(&["max", "min"]),
            Type::Bool => self.w("bool_or"),
            Type::Ints => self.w("max"),
        }
        // With columns of a query around it alone, it would be that one's aggregate.
        let around: Vec<Vec<Source>> = match self.scopes.len() {
            0 => Vec::new(),
            count => self.scopes.drain(..count - 1).collect(),
        };
        self.w("(");
        self.expression(of);
        self.w(")");
        if self.rng.percent(15) {
            self.w("filter ( where");
            self.expression(Type::Bool);
            self.w(")");
        }
        self.scopes.splice(0..0, around);
    }

    /// A query of one row and one column.
    pub(super) fn aggregate_query(&mut self, of: Type) {
        self.w("select");
        let before = std::mem::take(&mut self.out);
        self.w("from");
        self.scopes.push(Vec::new());
        self.from_item();
        if self.rng.percent(30) {
            self.w("where");
            self.expression(Type::Bool);
        }
        let rest = std::mem::replace(&mut self.out, before);
        self.aggregate(of);
        self.scopes.pop();
        self.out.extend(rest);
    }

    /// A table, a view or a query's name, with an alias or without.
    pub(super) fn from_one(&mut self) -> Source {
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
            self.name_as_alias(&alias);
            source.name = alias;
            source.schema = None;
        }
        source
    }

    fn name_as_alias(&mut self, alias: &str) {
        self.name(alias);
    }

    /// An item of FROM; its sources are added to the innermost scope.
    pub(super) fn from_item(&mut self) {
        if !self.deeper(45) {
            let source = self.from_one();
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
                    let _ = grammar.from_one();
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
    fn out_of_scope(&mut self, make: impl FnOnce(&mut Self)) {
        let scope = self.scopes.pop();
        make(self);
        self.scopes.extend(scope);
    }

    /// An alias with names for the columns.
    fn aliased(&mut self, want: &[Type]) {
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

    fn join(&mut self) {
        let source = self.from_one();
        self.add(source);
        match self.rng.below(8) {
            0 => {
                self.w("cross join");
                self.from_item();
            }
            1 => {
                self.w("natural join");
                let source = self.from_one();
                self.add(source);
            }
            2 => {
                self.one_of(&["join", "left join"]);
                let source = self.from_one();
                self.add(source);
                self.w("using ( a )");
                self.maybe(20, "as j1");
            }
            _ => {
                if self.rng.percent(20) {
                    // What is to the right of these does not see what is to the left.
                    self.one_of(&["right outer join", "full join"]);
                    let source = self.from_one();
                    self.add(source);
                    self.w("on true");
                    return;
                }
                self.one_of(&["join", "inner join", "left join"]);
                self.from_item();
                self.w("on");
                match self.rng.percent(40) {
                    true => self.w("true"),
                    false => self.expression(Type::Bool),
                }
            }
        }
    }

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
                        let _ = self.from_one();
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
        self.from_item();
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

    fn target(&mut self) -> Source {
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
