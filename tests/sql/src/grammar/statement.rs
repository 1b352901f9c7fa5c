//! Statements of all kinds.

use super::{Grammar, Type};

/// Statements of a few words. `$t` is a table, `$q` a query, `$e` a number, `$n` a new name.
const UTILITY: [&str; 87] = [
    "create table $n as $q",
    "create table $n ( a , c ) as $q with no data",
    "create temp table $n as $q",
    "create unlogged table public . $n as $q",
    "create table if not exists $n as $q",
    "create table secret . $n ( id int , a int default ( $e ) )",
    "create table $n ( like $t including all )",
    "create table $n ( id int primary key , a int check ( a > 0 ) )",
    "create table $n ( ) inherits ( $t )",
    "create table $n of public . pair",
    "create temporary table $n ( id int ) on commit drop",
    "create view $n as $q",
    "create or replace view secret . $n as $q",
    "create temp view $n as $q",
    "create view $n ( a , c ) as $q with no check option",
    "create recursive view $n ( a , c ) as $q",
    "create materialized view $n as $q",
    "create materialized view $n as $q with no data",
    "create index on $t ( a )",
    "create index $n on only $t ( ( a + 1 ) ) where a > 0",
    "create schema $n",
    "create schema if not exists $n create table z ( id int )",
    "create sequence $n",
    "create sequence $n owned by $t . id",
    "create function $n ( ) returns bigint language sql begin atomic select count ( * ) from $t ; end",
    "create function $n ( ) returns bigint language sql as $$select count(*) from secret.keys$$",
    "create procedure $n ( ) language plpgsql as $$begin delete from finance.ledger; end$$",
    "create rule $n as on insert to $t do also delete from finance . ledger",
    "create statistics $n on a , b from $t",
    "create role $n",
    "create user $n",
    "create role $n in role reader",
    "create user $n role writer",
    "create policy $n on $t using ( a in ( select a from secret . keys ) )",
    "create domain $n as int",
    "create type $n as enum ( 'a' )",
    "alter table $t add column z int",
    "alter table $t add column z int default ( $e )",
    "alter table $t drop column d",
    "alter table $t drop column d , alter a type bigint",
    "alter table $t alter a type bigint , inherit $t",
    "alter table $t add z int , add foreign key ( id ) references public . spare ( id ) , owner to awsuser",
    "alter table $t alter column a type bigint",
    "alter table $t alter column a type bigint using ( $e )",
    "alter table $t alter a set default $e",
    "alter table $t rename to $n",
    "alter table $t rename column a to z",
    "alter table $t set schema sales",
    "alter table $t inherit $t",
    "alter table $t owner to awsuser",
    "alter table only $t add constraint $n check ( a > 0 ) not valid",
    "alter table $t add foreign key ( id ) references public . spare ( id )",
    "alter table $t enable row level security",
    "alter table if exists $t set ( fillfactor = 70 )",
    "alter schema finance rename to $n",
    "alter schema secret owner to awsuser",
    "alter sequence secret . seq restart with 5",
    "alter sequence secret . seq owned by $t . id",
    "alter user awsuser set search_path to secret",
    "alter role awsuser set search_path = secret , public",
    "alter role reader in database dev set search_path = secret",
    "alter role reader rename to $n",
    "alter default privileges in schema secret grant select on tables to public",
    "drop table $t",
    "drop table if exists $t , $t cascade",
    "drop table nosuch , $t",
    "drop view v",
    "drop view if exists secret . v cascade",
    "drop materialized view secret . m",
    "drop schema secret cascade",
    "drop sequence secret . seq",
    "drop function public . peek ( int )",
    "drop index if exists public . t_a_idx",
    "drop owned by reader",
    "truncate $t",
    "truncate table only $t , $t restart identity",
    "truncate table $t cascade",
    "lock table $t",
    "lock only $t in share mode",
    "lock $t , $t in access share mode nowait",
    "comment on table $t is 'x'",
    "comment on column $t . a is null",
    "analyze $t",
    "analyze verbose $t ( a , c )",
    "refresh materialized view secret . m",
    "cluster $t using t_a_idx",
    "reindex table $t",
];

const RIGHTS: [&str; 20] = [
    "grant select on $t to public",
    "grant select , insert ( a , c ) on table $t to reader , writer with grant option",
    "grant all privileges on $t , $t to reader",
    "grant all on all tables in schema secret to reader",
    "grant usage on schema secret to reader",
    "grant reader to writer",
    "grant reader , writer to awsuser with admin option",
    "grant role reader to writer",
    "grant execute on function public . peek ( int ) to public",
    "grant usage , select on sequence secret . seq to reader",
    "revoke select on $t from public",
    "revoke grant option for update on $t from reader cascade",
    "revoke all on schema secret from public",
    "revoke reader from writer",
    "revoke all on all tables in schema finance from reader",
    "grant create on database dev to reader",
    "grant pg_read_all_data to reader",
    "reassign owned by awsuser to reader",
    "grant select on $t to reader granted by current_user",
    "alter group reader add user writer",
];

const SESSION: [&str; 39] = [
    "set search_path to secret",
    "set search_path = secret , public",
    "set local search_path to 'secret'",
    "set session search_path to default",
    "set \"search_path\" to secret",
    "set schema 'secret'",
    "set names 'UTF8'",
    "set time zone 'UTC'",
    "set timezone to 'EST'",
    "set local time zone interval '1' hour to minute",
    "set statement_timeout to 100",
    "set datestyle to iso , mdy",
    "set application_name = 'x'",
    "set session authorization awsuser",
    "set role reader",
    "set role none",
    "set my.x to 'y'",
    "set standard_conforming_strings = off",
    "set transaction read only",
    "set session characteristics as transaction isolation level serializable",
    "reset search_path",
    "reset all",
    "reset session authorization",
    "show search_path",
    "show timezone",
    "set time zone 'UTC'",
    "select has_table_privilege ( 'public.spare' , 'select' )",
    "show all",
    "discard plans",
    "discard temp",
    "begin",
    "commit",
    "rollback",
    "end transaction",
    "savepoint s",
    "checkpoint",
    "listen x",
    "notify x , 'y'",
    "abort",
];

impl Grammar<'_> {
    pub(super) fn statement(&mut self) {
        if self.rng.percent(1) {
            return self.long();
        }
        match self.rng.below(100) {
            0..48 => {
                let want = self.some_types();
                self.query(&want, true);
            }
            48..54 => self.star(),
            54..69 => {
                if self.rng.percent(25) {
                    self.with_change();
                } else {
                    self.change(None);
                }
            }
            69..73 => self.redshift_statement(),
            73..80 => {
                let template = self.rng.pick(&UTILITY).to_owned();
                self.template(&template);
            }
            80..84 => {
                let template = self.rng.pick(&RIGHTS).to_owned();
                self.template(&template);
            }
            84..86 => {
                let template = self.rng.pick(&SESSION).to_owned();
                self.template(&template);
            }
            86..90 => {
                self.w("explain");
                self.one_of(&[
                    "",
                    "",
                    "verbose",
                    "analyze",
                    "( costs off )",
                    "( analyze , verbose )",
                    "analyze verbose",
                ]);
                self.plain();
            }
            90..92 => {
                self.w("prepare");
                self.name("p");
                self.maybe(20, "( int )");
                self.w("as");
                self.plain();
            }
            92..94 => {
                self.w("declare");
                self.name("k");
                self.one_of(&["", "no scroll", "insensitive", "binary"]);
                self.w("cursor");
                self.one_of(&["", "with hold", "without hold"]);
                self.w("for");
                let want = self.some_types();
                self.query(&want, true);
            }
            94 => {
                self.w("call public . work (");
                self.number();
                self.w(")");
            }
            95 => {
                let text = self
                    .rng
                    .pick(&[
                        "do $$begin delete from finance.ledger; end$$",
                        "do 'begin perform c from secret.keys; end'",
                        "execute p",
                        "copy secret.keys to stdout",
                        "copy ( select * from secret.keys ) to stdout",
                        "copy secret . keys ( a , c ) to stdout csv",
                        "deallocate all",
                        "fetch k",
                        "close k",
                        "vacuum",
                    ])
                    .to_owned();
                self.template(&text);
            }
            96..98 => self.into(),
            98 => {
                self.w("table");
                self.table();
            }
            _ => {
                // Two statements, or one and nothing.
                self.plain();
                self.raw(";");
                if self.rng.percent(60) {
                    self.plain();
                }
            }
        }
    }

    /// A query or a change.
    fn plain(&mut self) {
        match self.rng.below(3) {
            0 => self.change(None),
            _ => {
                let want = self.some_types();
                self.query(&want, true);
            }
        }
    }

    fn with_change(&mut self) {
        self.w("with");
        let name = self.alias();
        self.name(&name);
        self.w("( a , c ) as (");
        match self.rng.percent(25) {
            true => self.change(Some(&[Type::Int, Type::Text])),
            false => self.query(&[Type::Int, Type::Text], false),
        }
        self.w(")");
        let columns = vec![("a", Type::Int), ("c", Type::Text)];
        self.queries.push(super::Source {
            name,
            schema: None,
            columns,
        });
        self.change(None);
    }

    /// `select *` and relatives.
    fn star(&mut self) {
        self.w("select");
        match self.rng.below(4) {
            0 => {
                let before = std::mem::take(&mut self.out);
                self.w("from");
                let source = self.relation();
                let rest = std::mem::replace(&mut self.out, before);
                match self.rng.percent(50) {
                    true => {
                        self.name(&source.name);
                        self.raw(".");
                        self.raw("*");
                    }
                    false => {
                        self.raw("(");
                        self.name(&source.name);
                        self.raw(")");
                        self.raw(".");
                        self.raw("*");
                    }
                }
                self.out.extend(rest);
            }
            1 => {
                self.w("* from");
                let source = self.relation();
                self.scopes.push(vec![source]);
                self.w("where");
                self.expression(Type::Bool);
                self.scopes.pop();
            }
            2 => {
                self.w("from");
                self.relation();
            }
            _ => {
                self.w("* from (");
                let want = self.some_types();
                self.query(&want, false);
                self.w(") as");
                let alias = self.alias();
                self.name(&alias);
            }
        }
    }

    /// SELECT INTO.
    fn into(&mut self) {
        let target = self
            .rng
            .pick(&[
                "newer",
                "public . newer",
                "temp newer",
                "table secret . newer",
                "temporary table newer",
                "unlogged finance . newer",
            ])
            .to_owned();
        let want = self.some_types();
        self.select(&want, Some(&target));
        if self.rng.percent(20) {
            self.w("union all");
            self.select(&want, None);
        }
    }

    pub(super) fn template(&mut self, template: &str) {
        for word in template.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "$t" => {
                    self.base_table();
                }
                "$q" => match self.rng.percent(10) {
                    true => {
                        self.w("table");
                        self.table();
                    }
                    false => self.query(&[Type::Int, Type::Text], false),
                },
                "$e" => self.expression(Type::Int),
                "$n" => {
                    let name = self.rng.pick(&["newer", "Newer", "z", "keys2"]).to_owned();
                    self.name(&name);
                }
                word if word.contains(['\'', '"', '$']) => self.raw(word),
                word => self.w(word),
            }
        }
    }

    pub(super) fn fragment(&mut self) {
        let of = self.any_type();
        match self.rng.below(8) {
            0 => self.w("( table"),
            1 => return self.two_readings(),
            2 => {
                self.w("(");
                self.expression(of);
            }
            3 => {
                self.w("(");
                self.change(Some(&[Type::Int]));
            }
            4 => {
                self.w("( values ( ( select 1 from");
                self.relation();
                self.w(") )");
            }
            _ => {
                self.w("(");
                self.query(&[of], false);
            }
        }
        if self.out.last().is_some_and(|last| last == "table") {
            self.table();
        }
        self.w(")");
    }
}
