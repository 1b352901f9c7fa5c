//! The database that statements are run in: tables that policies protect, in several schemas.

/// The database's name, which SQL may write before a schema.
pub const DATABASE: &str = "dev";

/// Every relation has these columns, so that most statements that a grammar makes can run.
pub const COLUMNS: &str = "id int, a int, b int, c text, d date, n int[]";

/// Tables, as schema and name. Names repeat between schemas, and one schema is named like a table's alias.
pub const TABLES: [(&str, &str); 21] = [
    ("public", "sales"),
    ("public", "payroll"),
    ("public", "keys"),
    ("public", "t"),
    ("public", "u"),
    ("public", "Mixed"),
    ("public", "two words"),
    ("public", "select"),
    ("secret", "t"),
    ("secret", "payroll"),
    ("secret", "keys"),
    ("secret", "salaries"),
    ("finance", "t"),
    ("finance", "ledger"),
    ("x", "y"),
    ("x", "a"),
    ("sales", "t"),
    ("Odd", "Table"),
    // Letters that only some lower-case: `É`, the sign of Kelvin.
    ("public", "ÉtÉ"),
    ("public", "\u{212a}eys"),
    ("public", "été"),
];

/// Views, as schema, name and the table below.
pub const VIEWS: [(&str, &str, &str); 2] =
    [("public", "v", "public.u"), ("secret", "v", "secret.keys")];

/// The functions of the database that touch no table.
pub const PURE: [&str; 4] = ["add", "public.add", "total", "public.total"];

/// What makes it. Run as the administrator, before the user exists.
#[must_use]
pub fn definition() -> String {
    let mut sql = String::from(
        "create schema secret; create schema finance; create schema x; create schema sales; create schema \"Odd\";",
    );
    for (schema, name) in TABLES {
        sql.push_str(&format!(
            "create table \"{schema}\".\"{name}\" ({COLUMNS}); \
             insert into \"{schema}\".\"{name}\" values (1, 2, 3, 'one', '2026-01-01', '{{1,2}}'), (2, 3, 4, 'two', '2026-02-01', '{{3}}');"
        ));
    }
    for (schema, name, table) in VIEWS {
        sql.push_str(&format!(
            "create view {schema}.{name} as select * from {table};"
        ));
    }
    sql.push_str(
        "create materialized view secret.m as select * from secret.salaries;
         create sequence secret.seq; create sequence public.ids;
         create index on public.t (a);
         create type public.pair as (l int, r int);
         create function public.add(p int, q int) returns int language sql immutable as 'select p + q';
         create function public.peek(p int) returns int language sql stable as 'select max(a) from secret.keys where id = p';
         create function secret.peek() returns text language sql stable as 'select max(c) from secret.salaries';
         create function public.rows_of(p int) returns setof secret.t language sql stable as 'select * from secret.t where id = p';
         create function public.run(p text) returns int language plpgsql as 'begin execute p; return 1; end';
         create function public.poke(p int) returns int language plpgsql as 'begin update finance.ledger set a = p; return p; end';
         create procedure public.work(p int) language plpgsql as 'begin update finance.ledger set a = p; end';
         create aggregate public.total(int) (sfunc = int4pl, stype = int);
         create operator public.<?> (leftarg = int, rightarg = int, function = public.add);
         create role reader; create role writer;
         create table public.spare (id int);",
    );
    sql
}

/// What each session has beside that.
pub const TEMPORARY: &str = "create temp table tmp (id int, a int, b int, c text, d date, n int[]); \
     insert into tmp values (1, 2, 3, 'one', '2026-01-01', '{1,2}'); \
     create temp table \"#tmp\" (id int, a int, b int, c text, d date, n int[]);";

/// Who runs the statements. It owns everything and may make roles, but is no administrator.
pub const USER: &str = "awsuser";

/// What makes the user the owner.
#[must_use]
pub fn ownership() -> String {
    format!(
        "create role {USER} login createrole; grant create, temp on database {DATABASE} to {USER};
         do $$ declare r record; begin
           for r in select nspname from pg_namespace where nspname in ('public', 'secret', 'finance', 'x', 'sales', 'Odd') loop
             execute format('alter schema %I owner to {USER}', r.nspname);
           end loop;
           for r in select n.nspname, c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where c.relkind in ('r', 'v', 'm', 'S') and n.nspname in ('public', 'secret', 'finance', 'x', 'sales', 'Odd') loop
             execute format('alter %s %I.%I owner to {USER}', case r.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end, r.nspname, r.relname);
           end loop;
         end $$"
    )
}
