//! What Redshift has and PostgreSQL lacks, each with what does the same there.

use super::{COLUMNS, Grammar, Source, Type};

/// Statements of a few words; `␁` divides Redshift's words from PostgreSQL's, which reach to the next `␂` on either side.
const UTILITY: [&str; 41] = [
    "create table $n ␂diststyle key distkey ( a ) compound sortkey ( a , c )␁␂ as $q",
    "create table $n ␂backup no sortkey auto␁␂ as $q",
    "create ␂table #newer␁temp table \"#newer\"␂ as $q",
    "create ␂table #newer distkey ( a )␁temp table \"#newer\"␂ as ␂(␁␂ $q ␂)␁␂",
    "create view $n as $q ␂with no schema binding␁␂",
    "create materialized view $n ␂backup no diststyle even auto refresh yes␁␂ as $q",
    "create ␂external table finance . newer stored as parquet location 's3://b/p'␁table finance . newer␂ as $q",
    "create ␂model m from (␁table newer as␂ $q ␂) target a function f iam_role default settings ( s3_bucket 'b' )␁␂",
    "␂create rls policy p with ( a int ) using (␁select 1 where␂ a in ( select a from $t ) ␂)␁␂",
    "␂attach rls policy p on␁alter table␂ $t ␂to role reader␁enable row level security␂",
    "␂detach rls policy p on␁alter table␂ $t ␂from role reader␁disable row level security␂",
    "␂attach masking policy p on␁alter table␂ $t ␂( c ) to public priority 10␁alter c set statistics 10␂",
    "␂detach masking policy p on␁alter table␂ $t ␂( c ) from public␁alter c set statistics 10␂",
    "alter table $t ␂alter distkey a␁set ( fillfactor = 70 )␂",
    "alter table $t ␂alter compound sortkey ( a , c )␁set ( fillfactor = 70 )␂",
    "alter table $t ␂alter diststyle all␁set ( fillfactor = 70 )␂",
    "alter table $t ␂alter encode auto␁set ( fillfactor = 70 )␂",
    "alter table $t ␂alter column c encode zstd␁alter column c set statistics 5␂",
    "alter table $t ␂row level security on for datashares␁enable row level security␂",
    "alter table $t add column z ␂varchar ( max ) encode lzo␁text␂ default ␂'x'␁'x'␂",
    "␂alter table␁with moved as ( delete from secret . keys returning * ) insert into␂ $t ␂append from secret . keys␁select * from moved␂",
    "␂alter table secret . keys append from␁with moved as ( delete from␂ $t ␂fillextra␁returning * ) insert into secret . keys select * from moved␂",
    "␂copy␁insert into␂ $t ␂from 's3://b/k' iam_role default format csv␁default values␂",
    "␂copy␁insert into␂ $t ( id , c ) ␂from 's3://b/k' access_key_id 'x' secret_access_key 'y' json 'auto'␁values ( 1 , 'x' )␂",
    "␂copy␁insert into␂ $t ␂from 'dynamodb://x' iam_role default readratio 50␁default values␂",
    "␂vacuum full␁analyze␂ $t ␂to 99 percent boost␁␂",
    "␂vacuum␁analyze␂ $t",
    "analyze ␂compression␁␂ $t ␂comprows 100␁␂",
    "analyze $t ␂predicate columns␁␂",
    "␂show table␁select * from␂ $t",
    "␂show columns from table␁select * from␂ $t",
    "␂desc␁select * from␂ $t",
    "grant select on $t to ␂role␁␂ reader",
    "grant select ( a , c ) on $t to ␂group␁␂ reader",
    "grant select , update on $t to ␂role reader , group writer , public␁reader , writer , public␂",
    "revoke ␂grant option for␁␂ select on $t from ␂role␁␂ reader",
    "grant ␂alter , truncate , drop␁select␂ on ␂table␁␂ $t to reader",
    "refresh materialized view secret . m ␂cascade␁␂",
    "␂declare k cursor for␁declare k cursor for␂ $q",
    "truncate ␂table␁␂ $t",
    "␂explain verbose␁explain␂ $q",
];

impl Grammar<'_> {
    pub(super) fn redshift_statement(&mut self) {
        match self.rng.below(10) {
            0 => {
                self.w("delete");
                self.dual("", "from");
                let target = self.base_table();
                self.scopes.push(vec![target]);
                if self.rng.percent(30) {
                    self.w("using");
                    self.beside_target();
                }
                self.where_or_not();
                self.scopes.pop();
            }
            1 => {
                self.w("merge into");
                let target = self.base_table();
                self.w("using");
                let source = self.base_table();
                self.w("on");
                self.dual("(", "(");
                let is_same = target.name == source.name;
                self.scopes.push(if is_same {
                    Vec::new()
                } else {
                    vec![target, source]
                });
                self.expression(Type::Bool);
                self.scopes.pop();
                self.dual(") remove duplicates", ") when matched then delete");
            }
            2 => {
                self.w("select");
                let before = std::mem::take(&mut self.out);
                self.w("from");
                self.scopes.push(Vec::new());
                self.source();
                let rest = std::mem::replace(&mut self.out, before);
                self.maybe(20, "distinct");
                self.w("*");
                self.dual(
                    self.rng.clone().pick(&[
                        "exclude ( a )",
                        "exclude a",
                        "exclude ( a , c )",
                        "exclude \"a\", c",
                    ]),
                    "",
                );
                self.out.extend(rest);
                self.where_or_not();
                self.scopes.pop();
            }
            _ => {
                let template = self.rng.pick(&UTILITY).to_owned();
                self.dual_template(&template);
            }
        }
    }

    fn dual_template(&mut self, template: &str) {
        for (at, part) in template.split('␂').enumerate() {
            match (at % 2, part.split_once('␁')) {
                (1, Some((redshift, postgres))) => self.dual(redshift, postgres),
                _ => self.template(part.trim()),
            }
        }
    }

    /// A number.
    pub(super) fn redshift_int(&mut self) {
        match self.rng.below(9) {
            0 => {
                self.dual("nvl (", "coalesce (");
                self.expression(Type::Int);
                self.w(",");
                self.expression(Type::Int);
                self.w(")");
            }
            1 => {
                self.dual("nvl2 (", "( case when");
                self.expression(Type::Text);
                self.dual(",", "is not null then");
                self.expression(Type::Int);
                self.dual(",", "else");
                self.expression(Type::Int);
                self.dual(")", "end )");
            }
            2 => {
                self.dual("decode (", "( case");
                self.expression(Type::Int);
                self.dual(",", "when");
                self.expression(Type::Int);
                self.dual(",", "then");
                self.expression(Type::Int);
                self.dual(",", "else");
                self.expression(Type::Int);
                self.dual(")", "end )");
            }
            3 => {
                self.dual("convert ( int ,", "cast (");
                self.expression(Type::Int);
                self.dual(")", "as int )");
            }
            4 => {
                self.dual("datediff ( day ,", "(");
                self.expression(Type::Date);
                self.dual(",", "-");
                self.expression(Type::Date);
                self.w(")");
            }
            5 => {
                self.w("extract (");
                let parts = [
                    "qtr␁quarter",
                    "dw␁dow",
                    "mins␁minute",
                    "yrs␁year",
                    "'mon'␁month",
                    "dayofyear␁doy",
                    "w␁week",
                ];
                let part = self.rng.pick(&parts).to_owned();
                if let Some((redshift, postgres)) = part.split_once('␁') {
                    self.dual(redshift, postgres);
                }
                self.w("from (");
                self.expression(Type::Date);
                self.w(")::timestamp )::int");
            }
            6 => {
                self.dual("len (", "length (");
                self.expression(Type::Text);
                self.w(")");
            }
            7 => {
                self.w("( select");
                self.dual("approximate", "");
                self.w("count ( distinct a ) from");
                self.relation();
                self.w(")::int");
            }
            _ => {
                self.w("(");
                self.expression(Type::Int);
                self.dual("::super", "");
                self.w(")::int");
            }
        }
    }

    /// A text.
    pub(super) fn redshift_text(&mut self) {
        match self.rng.below(5) {
            0 => {
                self.w("( select");
                self.dual("listagg (", "string_agg (");
                self.expression(Type::Text);
                self.w(", ','");
                self.dual(") within group ( order by", "order by");
                self.w("c )");
                self.w("from");
                self.relation();
                self.w(")");
            }
            1 => {
                self.w("(");
                self.dual("object ( 'x' ,", "json_build_object ( 'x' ,");
                self.expression(Type::Int);
                self.w(") )::text");
            }
            2 => {
                self.w("cast (");
                self.expression(Type::Text);
                self.w("as");
                self.dual("varchar ( max ) )", "text )");
            }
            3 => {
                self.dual("nvl (", "coalesce (");
                self.expression(Type::Text);
                self.w(",");
                self.scalar_query(Type::Text);
                self.w(")");
            }
            _ => {
                self.dual("json_serialize ( (", "( (");
                self.expression(Type::Ints);
                self.dual(") )", ")::text )");
            }
        }
    }

    /// A date.
    pub(super) fn redshift_date(&mut self) {
        match self.rng.below(3) {
            0 => {
                self.dual("dateadd ( day ,", "(");
                self.expression(Type::Int);
                self.dual(",", "+");
                self.expression(Type::Date);
                self.dual(")::date", ")");
            }
            1 => self.dual("trunc ( getdate ( ) )", "current_date"),
            _ => self.dual("sysdate::date", "current_date"),
        }
    }

    /// Something of FROM.
    pub(super) fn redshift_source(&mut self) {
        match self.rng.below(6) {
            0 => {
                self.dual("(", "");
                let mut source = self.table();
                self.dual(")", "");
                if self.rng.percent(50) {
                    let alias = self.alias();
                    self.name(&alias);
                    source.name = alias;
                    source.schema = None;
                }
                self.add(source);
            }
            1 => {
                // The elements of an array of a row.
                let mut source = self.table();
                self.w("as x2 ,");
                source.name = "x2".to_owned();
                self.dual("x2.n", "unnest ( x2.n )");
                self.w("as x3");
                self.add(source);
            }
            2 => {
                let source = self.table();
                self.w("as x2 ,");
                self.dual(
                    "unnest ( x2.n ) with offset",
                    "unnest ( x2.n ) with ordinality",
                );
                self.w("as x3 ( e , o )");
                self.add(Source {
                    name: "x2".to_owned(),
                    ..source
                });
            }
            3 => {
                self.w("( select a , c , b from");
                self.relation();
                self.w(")");
                self.dual("pivot ( max ( a ) for b in ( 1 , 2 ) )", "");
                self.w("as x4");
                self.add(Source {
                    name: "x4".to_owned(),
                    schema: None,
                    columns: Vec::new(),
                });
            }
            4 => {
                self.table();
                self.dual("unpivot ( v for k in ( a , b ) )", "");
                self.w("as x5");
                self.add(Source {
                    name: "x5".to_owned(),
                    schema: None,
                    columns: Vec::new(),
                });
            }
            _ => {
                self.table();
                self.dual(
                    "as x6 unpivot include nulls ( v for k in ( a , b ) )",
                    "as x6",
                );
                self.add(Source {
                    name: "x6".to_owned(),
                    schema: None,
                    columns: COLUMNS[3..5].to_vec(),
                });
            }
        }
    }
}
