//! Queries.

use super::{Grammar, Source, Type};

/// Names of the columns of a query, in order.
pub(super) const OUTPUT: [&str; 6] = ["a", "c", "b", "d", "id", "n"];

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

    pub(super) fn list(&mut self, want: &[Type]) {
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

    pub(super) fn columns_list(&mut self, columns: &[(&'static str, Type)]) {
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
                self.source();
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
                _ => self.name(OUTPUT[at]),
            }
        }
        if let Some(into) = into {
            self.w("into");
            self.w(into);
        }
        self.scopes.pop();
        self.out.extend(rest);
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
        self.source();
        if self.rng.percent(30) {
            self.w("where");
            self.expression(Type::Bool);
        }
        let rest = std::mem::replace(&mut self.out, before);
        self.aggregate(of);
        self.scopes.pop();
        self.out.extend(rest);
    }
}
