-- Names of Redshift that people use every day, for a database of PostgreSQL. Safe to repeat.
create schema if not exists signalbox;
grant usage on schema signalbox to public;

-- A slow statement to try flows with. It runs as many times as fast as the story that the session plays.
create or replace function signalbox.f_slow(value text, seconds double precision) returns text
language plpgsql volatile as $$
begin
  perform pg_catalog.pg_sleep(
    seconds / coalesce(nullif(current_setting('signalbox.time_scale', true), '')::double precision, 1));
  return value;
end
$$;

-- UTC, in whole seconds, the time of the statement.
create or replace function signalbox.getdate() returns timestamp
language sql stable as $$ select date_trunc('second', statement_timestamp() at time zone 'UTC') $$;
-- UTC, the time of the transaction.
create or replace function signalbox.sysdate() returns timestamp
language sql stable as $$ select now() at time zone 'UTC' $$;

create or replace function signalbox.len(value text) returns integer
language sql immutable strict as $$ select char_length(value) $$;
create or replace function signalbox.charindex(part text, value text) returns integer
language sql immutable strict as $$ select strpos(value, part) $$;
create or replace function signalbox.last_day(day timestamp) returns date
language sql immutable strict as $$ select (date_trunc('month', day) + interval '1 month - 1 day')::date $$;
-- The last day of a month stays the last day.
create or replace function signalbox.add_months(day timestamp, months bigint) returns timestamp
language sql immutable strict as $$
  select case when day::date = signalbox.last_day(day)
    then signalbox.last_day(date_trunc('month', day) + months * interval '1 month') + day::time
    else day + months * interval '1 month' end
$$;

-- The unit that a date part of Redshift means.
create or replace function signalbox.date_unit(part text) returns text
language sql immutable strict as $$
  select case
    when p in ('y', 'yr', 'yrs', 'year', 'years') then 'year'
    when p in ('qtr', 'qtrs', 'quarter', 'quarters') then 'quarter'
    when p in ('mon', 'mons', 'month', 'months') then 'month'
    when p in ('w', 'week', 'weeks') then 'week'
    when p in ('d', 'day', 'days') then 'day'
    when p in ('h', 'hr', 'hrs', 'hour', 'hours') then 'hour'
    when p in ('m', 'min', 'mins', 'minute', 'minutes') then 'minute'
    when p in ('s', 'sec', 'secs', 'second', 'seconds') then 'second'
    when p in ('ms', 'msec', 'msecs', 'millisecond', 'milliseconds') then 'millisecond'
    when p in ('us', 'microsec', 'microsecs', 'microsecond', 'microseconds') then 'microsecond'
    else p end
  from lower(part) as p
$$;
create or replace function signalbox.dateadd(part text, amount bigint, moment timestamp) returns timestamp
language sql immutable strict as $$
  select moment + amount * case signalbox.date_unit(part)
    when 'quarter' then interval '3 months'
    else ('1 ' || signalbox.date_unit(part))::interval end
$$;
-- How many boundaries of the unit lie between.
create or replace function signalbox.datediff(part text, earlier timestamp, later timestamp) returns bigint
language sql immutable strict as $$
  select case u
    when 'year' then extract(year from later) - extract(year from earlier)
    when 'quarter' then 4 * (extract(year from later) - extract(year from earlier))
      + extract(quarter from later) - extract(quarter from earlier)
    when 'month' then 12 * (extract(year from later) - extract(year from earlier))
      + extract(month from later) - extract(month from earlier)
    when 'week' then (date_trunc('week', later)::date - date_trunc('week', earlier)::date) / 7
    when 'day' then later::date - earlier::date
    else extract(epoch from date_trunc(u, later) - date_trunc(u, earlier))
      / extract(epoch from ('1 ' || u)::interval)
    end::bigint
  from signalbox.date_unit(part) as u
$$;

create or replace function signalbox.listagg_step(state text, value anyelement, delimiter text) returns text
language sql immutable as $$
  select case when value is null then state
    when state is null then value::text
    else state || coalesce(delimiter, '') || value::text end
$$;
create or replace function signalbox.listagg_step(state text, value anyelement) returns text
language sql immutable as $$ select signalbox.listagg_step(state, value, '') $$;
create or replace aggregate signalbox.listagg(anyelement, text) (sfunc = signalbox.listagg_step, stype = text);
create or replace aggregate signalbox.listagg(anyelement) (sfunc = signalbox.listagg_step, stype = text);

-- What can be known of a table here. Rows are counted, since nobody analyses a stand-in.
create or replace function signalbox.row_count(named regclass) returns bigint
language plpgsql stable as $$
declare
  rows bigint;
begin
  execute format('select count(*) from %s', named) into rows;
  return rows;
end
$$;
create or replace view signalbox.svv_table_info as
select current_database()::text as "database",
  n.nspname::text as "schema",
  c.oid as table_id,
  c.relname::text as "table",
  'N'::text as encoded,
  'EVEN'::text as diststyle,
  null::text as sortkey1,
  null::integer as max_varchar,
  null::text as sortkey1_enc,
  0 as sortkey_num,
  ceil(pg_total_relation_size(c.oid) / 1048576.0)::bigint as size,
  null::numeric(10, 4) as pct_used,
  0::bigint as empty,
  null::numeric(5, 2) as unsorted,
  null::numeric(5, 2) as stats_off,
  signalbox.row_count(c.oid)::numeric(38, 0) as tbl_rows,
  null::numeric(19, 2) as skew_sortkey1,
  null::numeric(19, 2) as skew_rows,
  signalbox.row_count(c.oid)::numeric(38, 0) as estimated_visible_rows,
  null::text as risk_event,
  null::numeric(12, 2) as vacuum_sort_benefit
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'signalbox')
  and n.nspname !~ '^pg_(toast|temp)' and has_table_privilege(c.oid, 'select');
create or replace view signalbox.svv_tables as
select table_catalog::text, table_schema::text, table_name::text, table_type::text, null::text as remarks
from information_schema.tables where table_schema <> 'signalbox';
create or replace view signalbox.svv_columns as
select table_catalog::text, table_schema::text, table_name::text, column_name::text,
  ordinal_position::integer, column_default::text, is_nullable::text, data_type::text,
  character_maximum_length::integer, numeric_precision::integer, numeric_scale::integer
from information_schema.columns where table_schema <> 'signalbox';
create or replace view signalbox.pg_table_def as
select n.nspname as schemaname,
  c.relname as tablename,
  a.attname as "column",
  format_type(a.atttypid, a.atttypmod) as type,
  'none'::text as encoding,
  false as distkey,
  0 as sortkey,
  a.attnotnull as "notnull"
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm') and pg_table_is_visible(c.oid);

grant select on signalbox.svv_table_info, signalbox.svv_tables, signalbox.svv_columns, signalbox.pg_table_def to public;
