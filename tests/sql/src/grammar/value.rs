//! Expressions that only some types have.

use super::{Grammar, Type};

impl Grammar<'_> {
    pub(super) fn int(&mut self) {
        let at = self.rng.below(22);
        if self.is_tame && [3, 8, 9, 10, 16, 17].contains(&at) {
            return self.scalar_query(Type::Int);
        }
        match at {
            0..3 => {
                self.w("(");
                self.expression(Type::Int);
                let count = if self.is_tame { 3 } else { 9 };
                let operator = self
                    .rng
                    .pick(
                        &[
                            "+",
                            "-",
                            "*",
                            "operator(pg_catalog.+)",
                            "#",
                            "&",
                            "|",
                            "<?>",
                            "operator(public.<?>)",
                        ][..count][..count],
                    )
                    .to_owned();
                self.raw(operator);
                self.expression(Type::Int);
                self.w(")");
            }
            3 => {
                self.w("(");
                self.expression(Type::Ints);
                self.w(") [");
                self.expression(Type::Int);
                self.w("]");
            }
            4 => {
                self.one_of(&[
                    "length",
                    "char_length",
                    "octet_length",
                    "pg_catalog.length",
                    "ascii",
                ]);
                self.w("(");
                self.expression(Type::Text);
                self.w(")");
            }
            5 => {
                self.w("extract (");
                self.one_of(&["year", "month", "day", "dow", "'year'", "quarter", "epoch"]);
                self.w("from");
                self.expression(Type::Date);
                self.w(")::int");
            }
            6 => {
                self.w("position (");
                self.expression(Type::Text);
                self.w("in");
                self.expression(Type::Text);
                self.w(")");
            }
            7 => {
                self.one_of(&["greatest", "least", "public.add", "add", "mod"]);
                self.w("(");
                self.expression(Type::Int);
                self.w(", 3 )");
            }
            8 => {
                self.w("public");
                self.raw(".");
                self.one_of(&["peek", "\"peek\"", "poke"]);
                self.w("(");
                self.expression(Type::Int);
                self.w(")");
            }
            9 => {
                self.one_of(&["nextval", "pg_catalog.nextval", "setval", "currval"]);
                self.w("( 'secret.seq' )::int");
            }
            10 => {
                self.w("public . run (");
                let text = self.statement_text();
                self.raw(text);
                self.w(")");
            }
            11 => {
                self.w("cast (");
                self.expression(Type::Int);
                self.one_of(&[
                    "as int )",
                    "as integer )",
                    "as bigint )::int",
                    "as numeric(10, 2) )::int",
                ]);
            }
            12 => {
                self.w("( select count ( * ) from");
                let source = self.relation();
                self.scopes.push(vec![source]);
                if self.rng.percent(50) {
                    self.w("where");
                    self.expression(Type::Bool);
                }
                self.scopes.pop();
                self.w(")::int");
            }
            13 => {
                self.w("( select row_number ( ) over (");
                if self.rng.percent(50) {
                    self.w("partition by");
                    self.expression(Type::Int);
                }
                self.w("order by");
                self.expression(Type::Text);
                self.w(") )::int");
            }
            14 => {
                self.one_of(&["cardinality", "pg_catalog.cardinality"]);
                self.w("(");
                self.expression(Type::Ints);
                self.w(")");
            }
            15 => {
                self.w("( -");
                self.expression(Type::Int);
                self.w(")");
            }
            16 => {
                self.w("public.add ( q =>");
                self.expression(Type::Int);
                self.w(", p :=");
                self.expression(Type::Int);
                self.w(")");
            }
            17 => {
                self.w("( row (");
                self.expression(Type::Int);
                self.w(", 1 )::public.pair )");
                self.raw(".");
                self.w("l");
            }
            18 => {
                self.w("(");
                self.expression(Type::Bool);
                self.w(")::int");
            }
            _ => self.simple(Type::Int),
        }
    }

    pub(super) fn statement_text(&mut self) -> String {
        let text = self.rng.pick(&[
            "select c from secret.keys",
            "delete from finance.ledger",
            "set search_path = secret",
            "select 1",
        ]);
        match self.rng.below(3) {
            0 => format!("$q${text}$q$"),
            _ => format!("'{text}'"),
        }
    }

    pub(super) fn text(&mut self) {
        let at = self.rng.below(24);
        if self.is_tame && [7, 8, 9, 10, 15, 16, 17, 18].contains(&at) {
            return self.scalar_query(Type::Text);
        }
        match at {
            0..3 => {
                self.w("(");
                self.expression(Type::Text);
                self.w("||");
                self.expression(Type::Text);
                self.w(")");
            }
            3 => {
                self.one_of(&[
                    "upper",
                    "lower",
                    "pg_catalog.upper",
                    "initcap",
                    "md5",
                    "\"upper\"",
                    "quote_literal",
                ]);
                self.w("(");
                self.expression(Type::Text);
                self.w(")");
            }
            4 => {
                self.w("substring (");
                self.expression(Type::Text);
                self.w("from");
                self.expression(Type::Int);
                self.w("for");
                self.w("( select 3 )");
                self.w(")");
            }
            5 => {
                self.w("trim (");
                self.one_of(&["both", "leading", "trailing", ""]);
                self.expression(Type::Text);
                self.w("from");
                self.expression(Type::Text);
                self.w(")");
            }
            6 => {
                self.w("overlay (");
                self.expression(Type::Text);
                self.w("placing");
                self.expression(Type::Text);
                self.w("from 1 )");
            }
            7 => {
                self.one_of(&[
                    "set_config",
                    "pg_catalog.set_config",
                    "\"set_config\"",
                    "SET_CONFIG",
                ]);
                self.w("(");
                self.one_of(&[
                    "'search_path'",
                    "'Search_Path'",
                    "'my.x'",
                    "'search_' || 'path'",
                ]);
                self.w(", 'secret' ,");
                self.one_of(&["false", "true"]);
                self.w(")");
            }
            8 => {
                self.one_of(&["query_to_xml", "pg_catalog.query_to_xml"]);
                self.w("(");
                let text = self.statement_text();
                self.raw(text);
                self.w(", true , false , '' )::text");
            }
            9 => {
                self.w("table_to_xml ( 'secret.keys' , true , false , '' )::text");
            }
            10 => {
                self.w("schema_to_xml ( 'secret' , true , false , '' )::text");
            }
            11 => {
                self.w("cast (");
                self.expression(Type::Int);
                self.one_of(&["as text )", "as varchar(10) )", "as character varying )"]);
            }
            12 => {
                self.w("(");
                self.expression(Type::Text);
                self.one_of(&[
                    "collate \"C\"",
                    "collate pg_catalog.\"default\"",
                    "::text",
                    "::varchar(3)",
                ]);
                self.w(")");
            }
            13 => {
                self.w("to_char (");
                self.expression(Type::Date);
                self.w(", 'YYYY' )");
            }
            14 => {
                self.w("( select string_agg ( c , ',' order by a )");
                self.maybe(30, "filter ( where a > 0 )");
                self.w("from");
                self.relation();
                self.w(")");
            }
            15 => {
                self.w("secret");
                self.raw(".");
                self.w("peek ( )");
            }
            16 => {
                self.w("concat ( variadic array [");
                self.expression(Type::Text);
                self.w("] )");
            }
            17 => self.w("current_setting ( 'search_path' )"),
            18 => {
                self.w("( xmlelement ( name x ,");
                self.expression(Type::Text);
                self.w(") )::text");
            }
            _ => self.simple(Type::Text),
        }
    }
}
