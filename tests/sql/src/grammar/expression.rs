//! Expressions of a type.

use super::{Grammar, Source, Type};

impl Grammar<'_> {
    pub(super) fn expression(&mut self, of: Type) {
        if self.budget == 0 || self.rng.percent(45) {
            return self.simple(of);
        }
        self.budget -= 1;
        match self.rng.below(20) {
            0 => {
                self.w("( case when");
                self.expression(Type::Bool);
                self.w("then");
                self.expression(of);
                self.w("else");
                self.expression(of);
                self.w("end )");
            }
            1 => {
                self.one_of(&["coalesce", "nullif", "coalesce"]);
                self.w("(");
                self.expression(of);
                self.w(",");
                self.expression(of);
                self.w(")");
            }
            2..6 => self.scalar_query(of),
            6 if of != Type::Bool => {
                // A field of a row, or of a row of a query.
                self.w("( (");
                let source = self.one_row();
                self.w(") )");
                self.raw(".");
                self.column_of(&source, of);
            }
            7 if of != Type::Ints && of != Type::Bool => {
                self.w("( array [");
                self.expression(of);
                self.w(",");
                self.expression(of);
                self.w("] ) [");
                self.expression(Type::Int);
                self.w("]");
            }
            _ => self.operation(of),
        }
    }

    /// `select x from table x` of one row, as a value.
    fn one_row(&mut self) -> Source {
        self.w("select");
        let alias = self.alias();
        self.name(&alias);
        self.w("from");
        let mut source = self.table();
        self.w("as");
        self.name(&alias);
        self.w("limit 1");
        source.name = alias;
        source
    }

    pub(super) fn simple(&mut self, of: Type) {
        if self.rng.percent(65) && self.column(of) {
            return;
        }
        match of {
            Type::Int => self.number(),
            Type::Text => self.text_literal(),
            Type::Bool => self.one_of(&["true", "false", "null::bool", "1 = 1", "not true"]),
            Type::Date => self.date_literal(),
            Type::Ints => self.one_of(&[
                "array[1,2]",
                "'{1,2}'::int[]",
                "array[]::int[]",
                "cast('{3}' as int[])",
            ]),
        }
    }

    fn column_of(&mut self, source: &Source, of: Type) {
        let names: Vec<&str> = source
            .columns
            .iter()
            .filter(|(_, t)| *t == of)
            .map(|(name, _)| *name)
            .collect();
        match names.is_empty() {
            true => self.w("id"),
            false => {
                let name = self.rng.pick(&names).to_owned();
                self.name(&name);
            }
        }
    }

    /// A column that is in scope.
    fn column(&mut self, of: Type) -> bool {
        let mut candidates: Vec<(Source, &'static str, bool)> = Vec::new();
        let depth = self.scopes.len();
        for (level, scope) in self.scopes.iter().enumerate() {
            for source in scope {
                for (name, kind) in &source.columns {
                    if *kind == of {
                        let is_alone = level + 1 == depth && scope.len() == 1;
                        candidates.push((source.clone(), name, is_alone));
                    }
                }
            }
        }
        if candidates.is_empty() {
            return false;
        }
        // The innermost come last, and more often.
        let last = candidates.len().saturating_sub(6);
        let at = match self.rng.percent(80) {
            true => last + self.rng.below(candidates.len() - last),
            false => self.rng.below(candidates.len()),
        };
        let (source, name, is_alone) = candidates.swap_remove(at);
        match self.rng.below(40) {
            0..12 if is_alone => self.name(name),
            12 if source.schema.is_some() => {
                let schema = source.schema.unwrap_or_default();
                self.name(schema);
                self.raw(".");
                self.name(&source.name);
                self.raw(".");
                self.name(name);
            }
            13 => {
                self.w("(");
                self.name(&source.name);
                self.w(")");
                self.raw(".");
                self.name(name);
            }
            14 => {
                // A column as a function of its row.
                self.name(name);
                self.w("(");
                self.name(&source.name);
                self.w(")");
            }
            _ => {
                self.name(&source.name);
                self.raw(".");
                self.name(name);
            }
        }
        true
    }

    pub(super) fn scalar_query(&mut self, of: Type) {
        self.w("(");
        if self.rng.percent(4) {
            // A name that a query of WITH may have, in the scope of another.
            self.with_one(of);
        }
        match self.rng.percent(60) {
            true => self.aggregate_query(of),
            false => self.query(&[of], false),
        }
        self.w(")");
    }

    /// A WITH of one query, which what follows may or may not name.
    fn with_one(&mut self, of: Type) {
        self.w("with");
        let name = self.alias();
        self.name(&name);
        self.w("as (");
        let scopes = std::mem::take(&mut self.scopes);
        self.aggregate_query(of);
        self.scopes = scopes;
        self.w(")");
    }

    fn operation(&mut self, of: Type) {
        if self.rng.percent(12) {
            match of {
                Type::Int => return self.redshift_int(),
                Type::Text => return self.redshift_text(),
                Type::Date => return self.redshift_date(),
                _ => {}
            }
        }
        match of {
            Type::Int => self.int(),
            Type::Text => self.text(),
            Type::Bool => self.condition(),
            Type::Date => match self.rng.below(4) {
                0 => {
                    self.w("(");
                    self.expression(Type::Date);
                    self.one_of(&["+", "-"]);
                    self.expression(Type::Int);
                    self.w(")");
                }
                1 => {
                    self.w("cast ( date_trunc ( 'month' ,");
                    self.expression(Type::Date);
                    self.w(") as date )");
                }
                2 => {
                    self.w("( (");
                    self.expression(Type::Date);
                    self.w(")::timestamp at time zone 'UTC' )::date");
                }
                _ => self.simple(Type::Date),
            },
            Type::Ints => match self.rng.below(5) {
                0 => {
                    self.w("array (");
                    self.query(&[Type::Int], false);
                    self.w(")");
                }
                1 => {
                    self.w("array [");
                    self.expression(Type::Int);
                    self.w(",");
                    self.expression(Type::Int);
                    self.w("]");
                }
                2 => {
                    self.w("(");
                    self.expression(Type::Ints);
                    self.w(") [");
                    self.expression(Type::Int);
                    self.w(":");
                    self.expression(Type::Int);
                    self.w("]");
                }
                3 => {
                    self.w("(");
                    self.expression(Type::Ints);
                    self.w("||");
                    self.expression(Type::Ints);
                    self.w(")");
                }
                _ => self.simple(Type::Ints),
            },
        }
    }

    fn condition(&mut self) {
        match self.rng.below(22) {
            0..4 => {
                let of = self.any_type();
                self.w("(");
                self.expression(of);
                self.one_of(&[
                    "=",
                    "<>",
                    "<",
                    ">=",
                    "!=",
                    "is distinct from",
                    "is not distinct from",
                ]);
                self.expression(of);
                self.w(")");
            }
            4..6 => {
                self.w("(");
                self.expression(Type::Bool);
                self.one_of(&["and", "or"]);
                self.expression(Type::Bool);
                self.w(")");
            }
            6 => {
                self.w("not (");
                self.expression(Type::Bool);
                self.w(")");
            }
            7..10 => {
                let of = self.any_type();
                self.w("(");
                self.expression(of);
                self.one_of(&["in", "not in"]);
                self.w("(");
                self.query(&[of], false);
                self.w(") )");
            }
            10..12 => {
                self.one_of(&["exists", "not exists"]);
                self.w("(");
                self.query(&[Type::Int, Type::Text], false);
                self.w(")");
            }
            12 => {
                self.w("(");
                self.expression(Type::Int);
                self.one_of(&["= any", "> all", "<= some", "operator(pg_catalog.=) any"]);
                self.w("(");
                match self.rng.percent(50) {
                    true => self.query(&[Type::Int], false),
                    false => self.expression(Type::Ints),
                }
                self.w(") )");
            }
            13 => {
                self.w("(");
                self.expression(Type::Text);
                self.one_of(&["like", "not like", "ilike", "similar to", "~", "~~", "!~*"]);
                self.expression(Type::Text);
                self.w(")");
            }
            14 => {
                self.w("(");
                self.expression(Type::Int);
                self.one_of(&["between", "not between", "between symmetric"]);
                self.expression(Type::Int);
                self.w("and");
                self.expression(Type::Int);
                self.w(")");
            }
            15 => {
                let of = self.any_type();
                self.w("(");
                self.expression(of);
                self.one_of(&["is null", "is not null", "isnull", "notnull"]);
                self.w(")");
            }
            16 => {
                self.w("( (");
                self.expression(Type::Int);
                self.w(",");
                self.expression(Type::Text);
                self.w(")");
                self.one_of(&["in", "= any", "="]);
                self.w("(");
                self.query(&[Type::Int, Type::Text], false);
                self.w(") )");
            }
            17 => {
                self.w("( row (");
                self.expression(Type::Int);
                self.w(", 1 ) < row ( 2 ,");
                self.expression(Type::Int);
                self.w(") )");
            }
            18 => {
                self.w("(");
                self.expression(Type::Int);
                self.w("in (");
                self.expression(Type::Int);
                self.w(",");
                self.expression(Type::Int);
                self.w(") )");
            }
            19 => {
                self.w("( (");
                self.expression(Type::Bool);
                self.w(")");
                self.one_of(&["is true", "is not unknown", "is false"]);
                self.w(")");
            }
            _ => self.simple(Type::Bool),
        }
    }

    pub(super) fn any_type(&mut self) -> Type {
        [Type::Int, Type::Int, Type::Text, Type::Date, Type::Ints][self.rng.below(5)]
    }
}
