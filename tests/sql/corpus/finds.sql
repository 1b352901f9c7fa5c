--- Statements whose facts once claimed to be complete and did not name what PostgreSQL says they do.
--- The format: tests/sql/src/corpus.rs. `cargo test -p signalbox-sql-oracle --test corpus` tries them.

-- escaping: changes search_path
 select 10 from set_config('search_path', 'secret', true)payroll  

-- escaping: changes members of roles
alter group reader -- x<U+000B><U+000A>add user writer

-- escaping: changes members of roles
alter group reader add user writer

-- escaping: changes settings of roles
alter role awsuser set search_path=public

-- escaping: changes settings of roles
alter role reader in database dev set search_path=secret

-- escaping: changes settings of roles
alter user awsuser set search_path to /*/ */secret

-- escaping: changes settings of roles
alter user awsuser set search_path to secret

-- escaping: changes members of roles
create role --<U+000D><U+000D>z role reader

-- escaping: changes members of roles
create role newer role reader

-- escaping: changes members of roles
create role z role reader

-- escaping: changes members of roles
create role"newer"role reader

-- escaping: changes members of roles
create user U&"k\0065\0079\00732" role writer

-- escaping: changes members of roles
create user"Newer"role writer

-- escaping: changes members of roles
grant -- x<U+000B><U+000A>pg_read_all_data to reader

-- escaping: changes members of roles
grant --<U+000D><U+000D>pg_read_all_data to reader

-- escaping: changes members of roles
grant pg_read_all_data to reader

-- escaping: changes members of roles
grant reader to --<U+000D><U+000D>writer

-- escaping: changes members of roles
grant reader to /**/ writer

-- escaping: changes members of roles
grant reader to awsuser with admin --<U+000D><U+000D>option

-- escaping: changes members of roles
grant reader to awsuser with admin option

-- escaping: changes members of roles
grant reader to writer

-- escaping: changes members of roles
grant reader,awsuser to awsuser with admin option

-- escaping: changes members of roles
grant reader,writer to awsuser with admin option

-- escaping: changes my.x
insert into"x".a(id,c)values( 1 ,set_config('my.x','secret',true))

-- escaping: changes search_path
select  run($q$set search_path = secret$q$)  from secret.salaries

-- escaping: changes search_path
select 0 from set_config('search_path', 'secret', true)"two words" 

-- escaping: changes my.x
select 1 ,set_config('my.x','secret',true)

-- escaping: changes my.x
select 1 ,set_config('my.x','secret',true), 1 

-- escaping: changes search_path
select 1 ,set_config('search_'||'path','secret',true)from secret.t

-- escaping: changes search_path
select 1 from set_config('search_path', 'secret', true)

-- escaping: changes search_path
select 1 from set_config('search_path', 'secret', true)ledger 

-- escaping: changes search_path
select 10 from set_config('search_path', 'secret', true)

-- escaping: changes search_path
select 2, 1 from set_config('search_path', 'secret', true)salaries 

-- escaping: changes search_path
select a from set_config('search_path', 'secret', true)secret(a)

-- escaping: changes search_path
select a, 1 from set_config('search_path', 'secret', true)keys(a)

-- escaping: changes search_path
select a,set_config('search_path','secret',true), 1 from x.a

-- escaping: changes search_path
select c,run('set search_path = secret')from t

-- escaping: changes search_path
select public.run($q$set search_path = secret$q$)

-- escaping: changes search_path
select public.run('set search_path = secret')

-- escaping: changes search_path
select v,set_config('search_path','secret',false),3 from secret.v

-- escaping: changes search_path
select v,set_config('search_path','secret',true)from"v"

-- escaping: changes my.x
select"t".a,set_config('my.x','secret',true),t."b" from t

-- escaping: changes search_path
select(-1)::int,run($q$set search_path = secret$q$), 1 

-- escaping: changes search_path
select(.5)::int from set_config('search_path', 'secret', true)

-- escaping: changes search_path
select(1.5e+1)::int,set_config('search_path', 'secret', true)

-- escaping: changes search_path
select(1e0)::int,set_config('search_'||'path','secret',true)

-- escaping: changes search_path
select*from(select"set_config"('search_path','secret',false), 1 )v

-- escaping: changes search_path
values( 1 ,set_config('search_path','secret',true))limit all

-- escaping: changes search_path
values((1.)::int,set_config('search_path','secret',false))

-- escaping: changes search_path
values(public.run('set search_path = secret')),(1)

-- escaping: reads secret.t
 select 1 + 1 from public.rows_of(1) 

-- escaping: reads public.select
 select 1 from only"select" 

-- escaping: reads secret.t
 select 1 from only(secret.t) 

-- escaping: reads secret.keys
-- as delete from dev.secret.keys
delete  dev.secret.keys

-- escaping: reads public.keys
-- as delete from keys wheretrue
delete  keys wheretrue

-- escaping: reads public.select
-- as delete from"select"
delete "select"

-- escaping: reads public.select
-- as delete from"select"where(true)
delete "select"where(true)

-- escaping: reads public.t
-- as delete from"t"
delete "t"

-- escaping: reads public.payroll
delete from payroll

-- escaping: reads public.select
delete from public.select

-- escaping: reads public.t
delete from t

-- escaping: reads public.t
delete from t wheretrue

-- escaping: reads public.u
delete from v where 1=1

-- escaping: reads x.a
delete from x.a

-- escaping: reads Odd.Table
delete from"Odd"."Table"

-- escaping: reads Odd.Table
delete from"Odd"."Table"a where( cast(a as numeric(10,2))::int, a.c )=(select a,U&"\0063"from public.payroll) 

-- escaping: reads Odd.Table
delete from"Odd"."Table"using rows_of(1)

-- escaping: reads public.select
delete from"select"

-- escaping: reads public.t
delete from"t"returning1

-- escaping: reads public.two words
delete from"two words"

-- escaping: reads public.keys
explain analyze select (select keys from keys limit 1) 

-- escaping: reads public.keys
explain analyze select (select ledger from public.keys ledger) 

-- escaping: reads secret.salaries
explain analyze select(-1)::int,salaries.c, 1 from secret.salaries where null 

-- escaping: reads x.y
explain analyze select(.5)::int from x.y

-- escaping: reads public.t
explain analyze select(1), 1 from public.t

-- escaping: reads pg_temp.#tmp
-- as explain analyze select(1),cast( 1 as text )from"#tmp"
explain analyze select(1),cast( 1 as varchar ( max ) )from"#tmp"

-- escaping: reads public.t
explain analyze select(1)from public.t,"two words"

-- escaping: reads public.sales
explain analyze select(1)from sales

-- escaping: reads public.t
explain analyze select(1)from t where exists(values(1))

-- escaping: reads x.y
explain analyze select(1)from x.y where null::bool

-- escaping: reads public.Mixed
explain analyze select(1)from"Mixed"secret

-- escaping: reads finance.t
explain analyze select(1)from"payroll",finance.t

-- escaping: reads public.Mixed
explain analyze select(1)from"select"join"Mixed"on true

-- escaping: reads public.two words
explain analyze select(1)from"two words"

-- escaping: reads finance.ledger
explain analyze select(1)from(values(1))mixed ,sales join finance.ledger on true

-- escaping: reads x.y
explain analyze select(1.5e+1)::int from x.y

-- escaping: reads public.u
explain analyze select(array[q])[3]from v q

-- escaping: reads public.sales
-- as explain analyze select(array[sales.b,sales.a])[length ('e')]from sales,unnest(sales.n)
explain analyze select(array[sales.b,sales.a])[len ('e')]from sales,unnest(sales.n)

-- escaping: reads public.t
explain analyze select(array[t])[t.b]from t limit 1

-- escaping: reads public.sales
explain analyze select(null::bool)::int from public.sales

-- escaping: reads Odd.Table
explain analyze select(null::bool)::int from"Odd"."Table"

-- escaping: reads public.two words
explain analyze select(null::bool)::int from"two words"where null 

-- escaping: reads secret.keys
insert into keys(id,c)values(1,table_to_xml('secret.keys',true,false,'')::text)

-- escaping: reads secret.keys
select  public.peek(1)  from public.keys

-- escaping: reads secret.keys
select '{1,2}'::int[] [2],table_to_xml('secret.keys',true,false,'')::text

-- escaping: reads secret.t
select 0 from only(secret.t)

-- escaping: reads pg_catalog.pg_class
select 0,schema_to_xml('secret',true,false,'')::text, 1 from public.v where(true)

-- escaping: reads secret.keys
select 0,table_to_xml('secret.keys',true,false,'')::text

-- escaping: reads public.sales
select 007 from only sales 

-- escaping: reads secret.t
select 007, 1 from public.rows_of(1)y

-- escaping: reads pg_catalog.pg_class
select 007,schema_to_xml('secret',true,false,'')::text where(true)order by 1

-- escaping: reads public.keys
select 1 , 1 from only keys 

-- escaping: reads secret.keys
select 1 ,peek(1)

-- escaping: reads pg_catalog.pg_class
select 1 ,schema_to_xml('secret',true,false,'')::text,position('é'in'2026-01-01')

-- escaping: reads secret.salaries
select 1 ,secret.peek()

-- escaping: reads secret.salaries
select 1 ,secret.peek(),(.5)::int

-- escaping: reads secret.salaries
select 1 ,secret.peek()from sales

-- escaping: reads secret.keys
select 1 ,table_to_xml('secret.keys',true,false,'')::text

-- escaping: reads secret.keys
select 1 ,table_to_xml('secret.keys',true,false,'')::text, 1 FROM payroll

-- escaping: reads secret.t
select 1 from keys,rows_of(1)

-- escaping: reads public.sales
select 1 from only sales 

-- escaping: reads public.u
select 1 from only u

-- escaping: reads secret.t
select 1 from public.rows_of(1)

-- escaping: reads secret.t
select 1 from public.rows_of(1)secret

-- escaping: reads secret.t
select 1 from rows_of(1)

-- escaping: reads secret.t
select 1 from rows_of(1)a,"Mixed"

-- escaping: reads secret.t
select 1 from rows_of(1)payroll

-- escaping: reads secret.t
select 1 fromkeys,rows_of(1)

-- escaping: reads secret.keys
select 1,table_to_xml('secret.keys',true,false,'')::text order by 1 limit 1

-- escaping: reads secret.t
select 10 from rows_of(1)

-- escaping: reads pg_catalog.pg_class
select 10,schema_to_xml('secret',true,false,'')::text, 1 

-- escaping: reads secret.t
select 2 from rows_of(1)wherefalse

-- escaping: reads pg_catalog.pg_class
select 2,schema_to_xml('secret',true,false,'')::text

-- escaping: reads secret.keys
select 3, 1 ,peek(1), 1 

-- escaping: reads secret.keys
select 3, 1 ,public.peek(1), 1 

-- escaping: reads secret.keys
select 3,(query_to_xml('select c from secret.keys',true,false,'')::text, 1 )

-- escaping: reads public.u
select a from only(public.u)

-- escaping: reads secret.t
select a from public.rows_of(1)

-- escaping: reads public.Mixed
select a, 1 from only "Mixed" 

-- escaping: reads pg_catalog.pg_class
select a,schema_to_xml('secret',true,false,'')::text from(select 3 a, 1 )payroll

-- escaping: reads secret.t
select a.b from public.rows_of(1)a

-- escaping: reads x.a
select a.id from only(x.a),v

-- escaping: reads secret.t
select b from rows_of(1)

-- escaping: reads secret.t
select b, 1 from rows_of(1)where null 

-- escaping: reads secret.keys
select b,table_to_xml('secret.keys',true,false,'')::text,(false)::int from sales

-- escaping: reads secret.keys
select c,public.peek(1)from secret.payroll

-- escaping: reads secret.keys
select distinct on(1)peek(1)from"x".a

-- escaping: reads public.keys
select id from only keys

-- escaping: reads public.sales
select id from only sales

-- escaping: reads secret.t
select id from public.rows_of(1)

-- escaping: reads secret.t
select into newer from public.rows_of(1)

-- escaping: reads secret.keys
select public.peek(1)

-- escaping: reads secret.keys
select public.peek(1), 1 from payroll

-- escaping: reads secret.keys
select public.peek(1), 1 fromselect

-- escaping: reads secret.keys
select public.run($q$select c from secret.keys$q$)

-- escaping: reads secret.keys
select public.run('select c from secret.keys')

-- escaping: reads secret.t
select q.d from rows_of(1)q

-- escaping: reads public.sales
select sales.*from only sales

-- escaping: reads secret.salaries
select secret.peek(), 1 from u

-- escaping: reads secret.salaries
select t,secret.peek()from t

-- escaping: reads secret.salaries
select tmp,secret.peek()from pg_temp.tmp

-- standard: reads public.Mixed
select t|| '\' || (select max(c) from "Mixed") --'<U+000A>from sales.t join(select"a"from"sales")sales(d)on 1=1

-- escaping: reads secret.t
select u from rows_of(1)u,keys

-- escaping: reads pg_catalog.pg_class
select u.a,schema_to_xml('secret',true,false,'')::text from u

-- escaping: reads secret.t
select é, 1 from rows_of(1)é

-- escaping: reads secret.salaries
select"a",secret.peek()from"two words"

-- escaping: reads public.u
select"b"from only u 

-- escaping: reads secret.keys
select"v",table_to_xml('secret.keys',true,false,'')::text from v order by 1

-- escaping: reads pg_catalog.pg_class
select(-1)::int,schema_to_xml('secret',true,false,'')::text

-- escaping: reads secret.salaries
select(-1)::int,secret.peek()

-- escaping: reads secret.keys
select(-1)::int,table_to_xml('secret.keys',true,false,'')::text, 1 

-- escaping: reads pg_catalog.pg_class
select(.5)::int,schema_to_xml('secret',true,false,'')::text

-- escaping: reads secret.keys
select(.5)::int,table_to_xml('secret.keys',true,false,'')::text

-- escaping: reads secret.keys
select(1.)::int,table_to_xml('secret.keys',true,false,'')::text

-- escaping: reads public.u
select(1.5e+1)::int from only u

-- standard: reads public.Mixed
select(select a from(select"a",'/*'|| '\' || (select max(c) from "Mixed") --'<U+000A>from SECRet.salaries where null )v(a)union select id from"two words"order by 1 nulls LAST),'/*'

-- escaping: reads secret.t
select(true)::int,b from rows_of(1)

-- escaping: reads public.t
select*from only t where 1=1

-- escaping: reads public.u
select*from only u 

-- escaping: reads secret.keys
select*from(select public.run('select c from secret.keys') )y

-- escaping: reads finance.t
update finance.t q set ( a , B ) = (with "PAYROLL" ( a ) as ( select "Mixed".a from "Odd"."Table" "Mixed" where ( date '2026-01-01' in ( select (( "Mixed"."d" )::timestamp at time zone 'UTC' )::date a) )intersect values(( (coalesce (q.id, nullif ( (1.)::int, "q".U&"\0069\0064" ) ),1 )::public.pair ).l ) order by 1 NUlls LAST limit all ) ,"two words" (a )as (SELECT q ) select v.b , (.5)::int from secret.v ) from "Odd"."Table"

-- escaping: reads finance.t
update finance.t set a=public.poke(cast((1e0)::int as bigint)::int)

-- escaping: reads public.t
update public.t set a= 1 

-- escaping: reads secret.t
update secret."t"set(a,b)=(select public.poke(1),a where null )

-- escaping: reads public.t
update t set a=2,c=t

-- escaping: reads public.t
update t set a=U&"a"

-- escaping: reads public.t
-- as update t<U+000C>set a=least((select (a)from public.u)::INT,3)wheRE(((( case when((SELECT"keys"FROM keys limit 1))is not null then(case when(U&"b"in((A)))then((select x1 from v"x1"limit-- '<U+000A>1)).b else 10 end)end )|(1.5e+1)::int))::int in(("n")[(1e0)::int],(1.5e+1)::int))
update t<U+000C>set a=least((select (a)from public.u)::INT,3)wheRE(((nvl2 (((SELECT"keys"FROM keys limit 1)),(case when(U&"b"in((A)))then((select x1 from v"x1"limit-- '<U+000A>1)).b else 10 end))|(1.5e+1)::int))::int in(("n")[(1e0)::int],(1.5e+1)::int))

-- escaping: reads public.u
update u set a=nullif(a,U&"a")returning 1

-- escaping: reads secret.keys
update x."a"é set a=public.peek(1)

-- escaping: reads x.a
update x.a set a=id

-- escaping: reads x.a
update x.a set(a,b)=(a,b)

-- escaping: reads public.Mixed
update"Mixed"set a=public.run($q$select 1$q$)

-- escaping: reads Odd.Table
update"Odd"."Table"set a="Table".U&"i\0064"

-- escaping: reads public.select
update"select"set a= 1 

-- escaping: reads public.two words
update"two words" set a=2

-- escaping: reads public.two words
update"two words"set a=b

-- escaping: reads secret.keys
update"x".a set a=public.peek(1)

-- escaping: reads secret.keys
values  ( peek(1) -(.5)::int)  

-- escaping: reads secret.salaries
values( 1 ,secret.peek(),(-1)::int)

-- escaping: reads secret.keys
values( 1 ,table_to_xml('secret.keys',true,false,'')::text)

-- escaping: reads secret.salaries
values(secret.peek())

-- escaping: reads public.payroll
with "Payroll" as(select(1e0)::int,' from secret.keys --')insert into"payroll"(id,c)select a,c from payroll where null 

-- escaping: reads public.payroll
with "Payroll" as(select(1e0)::int,' from secret.keys --')insert into"payroll"(id,c)select a,c from payroll WHERE null limit ALL

-- escaping: reads public.keys
with recursive "two words" ( a , c ) as( select 1 ,'x'::text UnIoN select q.a, q.c from "two words" q where q.a < 3 ), "Keys" ( A, c ) as ( select 1 ,'x'::text union select q.a,q.c from "Keys" q where Q.a < 3 ) SELECT "b" , '2026-02-01'::date from ( select a, "two words" , public.add( q =>(( select (( (array[]::int[] ) [ ( ( select ( KeYS.id ) from keys)& "Keys".a )]  ) ) from "Keys" )) ,P := (SELECT count ( *)from secret. v WHERE true )::int ) from "two words" ) Y( "a" ,c , b )

-- escaping: reads secret.salaries
with salaries(C)as(select position(('select c from secret.keys',true,false,'')::text in U&"\0073e\006c\0065c\0074".c),'{fn x()}'from seCreT.v"select",x.y tablesample SYSTEM(100)join public.t on true union SELECT((cast(007 as int),1)::public.pair).l,c FROM"two words")delete from SECRET.salaries

-- escaping: reads public.keys
with"Keys" as(with"Keys" as(values(1))select a from"two words")select c from keys tablesample system(1)

-- escaping: reads x.y
with"PAYROLL"(c)as(select"c"from(select cast(U&"s\0065cr\0065t".a as bigint)::int,((keys.a),(secret.A))from"keys"join secret.keys secret on true)keys(c,b))update x.y u set a=(u).id from"PAYROLL"where 1=1

-- escaping: writes public.two words
alter /**/ table if exists "two words"set(fillfactor=70)

-- escaping: writes finance.t
-- as alter table finance.U&"t"alter column c set statistics 5
alter table finance.U&"t"alter column c encode zstd

-- escaping: writes finance.t
alter table if exists dev.finance.t set(fillfactor=70)

-- escaping: writes secret.keys
alter table if exists dev.secret.keys set(fillfactor=70)

-- escaping: writes public.select
alter table if exists public."select" set(fillfactor=70)

-- escaping: writes public.two words
alter table if exists public."two words"set(fillfactor=70)

-- escaping: writes public.payroll
alter table if exists public.U&"payr\006fll"set(fillfactor=70)

-- escaping: writes public.sales
alter table if exists sales set(fillfactor=70)

-- escaping: writes x.y
alter table if exists x.U&"y"set(fillfactor=70)

-- escaping: writes Odd.Table
alter table if exists"Odd"."Table"set(fillfactor=70)

-- escaping: writes public.payroll
alter table if exists"public".payroll set(fillfactor=70)

-- escaping: writes public.select
alter table if exists"select"set(fillfactor=70)

-- escaping: writes public.two words
alter table if exists"two words" set(fillfactor=70)

-- escaping: writes Odd.Table
alter table keys inherit"Odd"."Table"

-- escaping: writes Odd.Table
alter table secret.salaries inherit"Odd"."Table"

-- escaping: writes finance.ledger
alter table t add z int default public.poke(1) 

-- escaping: writes public.payroll
alter table u inherit payroll

-- escaping: writes public.keys
alter table U&"\006beys"add z int

-- escaping: writes public.sales
alter table U&"\0073a\006c\0065s"add z int

-- escaping: writes public.select
alter table U&"\0073ele\0063t"add z int

-- escaping: writes secret.t
-- as alter table U&"sec\0072\0065t".t add z text default'x'
alter table U&"sec\0072\0065t".t add z varchar ( max ) encode lzo default'x'

-- escaping: writes x.y
alter table U&"x".y drop d

-- escaping: writes x.y
alter table U&"x".y enable row level security

-- escaping: writes public.Mixed
alter table x.a inherit"Mixed"

-- escaping: writes public.sales
alter table"Odd"."Table" inherit sales

-- escaping: writes secret.salaries
alter table"Odd"."Table"inherit secret.salaries

-- escaping: writes public.two words
alter table"secret".t inherit"two words"

-- escaping: writes public.u
alter table"t"inherit"u"

-- escaping: writes secret.salaries
alter table"two words" inherit secret.salaries

-- escaping: writes finance.ledger
alter table"two words"inherit finance.ledger

-- escaping: writes Odd.Table
alter table"two words"inherit"Odd"."Table"

-- escaping: writes public.Mixed
alter table"x".a inherit"Mixed"

-- escaping: writes public.keys2
create table if not exists U&"\006beys2" as select(row_number()over())::int,keys "c" from secret."keys" join public.payroll on null::bool

-- escaping: writes public.select
create table keys2()inherits("select")

-- escaping: writes public.u
create table keys2()inherits(u)

-- escaping: writes public.sales
create table newer()inherits(sales)

-- escaping: writes secret.salaries
create table newer()inherits(secret.salaries)

-- escaping: writes public.newer
CreatE table U&"\006ee\0077er"as select u"c"from (select "a"from (select t,t "c"from "Mixed"salaries,finance.t where((case WHEN(salaries.b in((1.5e+1)::int,salaries."a"))then(((1.)::int,1)<(2,(1e0)::int))else(("t".B,('SECRET.KEYS',true,FALSE,'' )::text)= anY(select a,c from v))end)))"PAYROLL"(a,c))"select"(a),x."y"u

-- escaping: writes public.keys2
create table U&"keys2"as select é.a,é.c from v join payroll é on null limit 1 

-- escaping: writes public.z
create table U&"z"()inherits(secret.keys)

-- escaping: writes public.select
create table z()inherits("select")

-- escaping: writes Odd.Table
create table"Newer"()inherits("Odd"."Table")

-- escaping: writes public.two words
create table"Newer"()inherits("two words")

-- escaping: writes public.select
create table"Newer"()inherits(public."select")

-- escaping: writes public.select
create table"z"()inherits(dev.public."select")

-- escaping: writes public.t
delete from only t

-- escaping: writes public.t
delete from only t where null 

-- escaping: writes public.u
delete from only u

-- escaping: writes public.select
delete from only"select"

-- escaping: writes public.two words
delete from only"two words"

-- escaping: writes finance.ledger
insert into keys(id,c)values(poke(1), 1 )

-- escaping: writes finance.ledger
insert into public.u(id,c)values( public.poke(1)-007 ,'?')

-- escaping: writes secret.seq
select 1 ,nextval('secret.seq')::int from public.t

-- escaping: writes secret.seq
select 1,( nextval('secret.seq')::int)&x.a from"Mixed"x

-- escaping: writes finance.ledger
select a, public.poke(1),3 from(select 1 )u(a)window w as(order by 3)

-- escaping: writes finance.ledger
select cast(public.run('delete from finance.ledger')as int)

-- escaping: writes secret.seq
select currval('secret.seq')::int

-- escaping: writes finance.ledger
-- as select ( case(1.5e+1)::int when poke(1)then keys .id end )from keys
select decode ((1.5e+1)::int , poke(1), keys .id )from keys

-- escaping: writes finance.ledger
select distinct on(1)public.poke(1)from finance.t

-- escaping: writes finance.ledger
select distinct on(1)run('delete from finance.ledger')

-- escaping: writes secret.seq
select nextval('secret.seq')::int

-- escaping: writes secret.seq
select nextval('secret.seq')::int from public.t

-- escaping: writes secret.seq
select nextval('secret.seq')::int from x.a order by 1

-- escaping: writes secret.seq
select nextval('secret.seq')::int from x.y

-- escaping: writes secret.seq
select nextval('secret.seq')::int,') from secret.t'

-- escaping: writes secret.seq
select pg_catalog.nextval($$secret.seq$$)::int

-- escaping: writes secret.seq
select pg_catalog.nextval('secret.seq')::int

-- escaping: writes secret.seq
select pg_catalog.nextval('secret.seq')::int a window w as()

-- escaping: writes secret.seq
select pg_catalog.nextval('secret.seq')::int from x.a limit1

-- escaping: writes secret.seq
select pg_catalog.nextval('secret.seq')::int, 1 , 1 froma

-- escaping: writes finance.ledger
select poke(1)from secret.payroll

-- escaping: writes finance.ledger
select public.poke((select count(1)from"Odd"."Table")::int)

-- escaping: writes finance.ledger
select public.poke(1)

-- escaping: writes finance.ledger
select public.poke(1), 1 , 1 , 1 from x.a

-- escaping: writes finance.ledger
select public.poke(1), 1 from tmp"PAYROLL"

-- escaping: writes finance.ledger
select public.poke(1),public.add(q=>b,p:=id)from secret.keys

-- escaping: writes finance.ledger
select public.poke(1)from secret.payroll

-- escaping: writes finance.ledger
select public.poke(1)from t natural join finance.ledger"secret"

-- escaping: writes finance.ledger
select public.poke(1)from u window w as(order by a)

-- escaping: writes finance.ledger
select public.run($q$delete from finance.ledger$q$)

-- escaping: writes finance.ledger
select public.run('delete from finance.ledger')

-- escaping: writes finance.ledger
select public.run('delete from finance.ledger'),cast(0 as int)

-- escaping: writes finance.ledger
select public.run('delete from finance.ledger')from x.y

-- escaping: writes finance.ledger
select public.run('delete from finance.ledger')fromx4

-- escaping: writes finance.ledger
select run('delete from finance.ledger') , 1 from v

-- escaping: writes finance.ledger
select sales from x.a sales where public.poke(1)in(1) 

-- escaping: writes finance.ledger
select"c", public.poke(1)*id from"secret".salaries

-- escaping: writes finance.ledger
select( public.poke(1)-keys.b )::int from secret.keys

-- escaping: writes secret.seq
select(-1)::int, 1 ,nextval('secret.seq')::int

-- escaping: writes secret.seq
select(1e0)::int,nextval('secret.seq')::int

-- escaping: writes secret.seq
select(pg_catalog.nextval('secret.seq')::int,3)

-- escaping: writes finance.ledger
values (public.run('delete from finance.ledger')) 

-- escaping: writes secret.seq
values( 1 , 1 , nextval('secret.seq')::int) 

-- escaping: writes finance.ledger
values( 1 ,'<U+00A0>'),(poke(1),'{fn x()}')

-- escaping: writes secret.seq
values(1),( pg_catalog.nextval('secret.seq')::int) 

-- escaping: writes secret.seq
values(1),(pg_catalog.nextval('secret.seq')::int)

-- escaping: writes finance.ledger
values(10,public.run($q$delete from finance.ledger$q$))

-- escaping: writes secret.seq
values(nextval('secret.seq')::int,1)

-- escaping: writes secret.seq
values(pg_catalog.nextval('secret.seq')::int, 1 , 1 )

-- escaping: writes secret.seq
values(pg_catalog.nextval('secret.seq')::int, 1 ,1, 1 )

-- escaping: writes finance.ledger
values(public.poke(1), 1 )

-- escaping: writes finance.ledger
values(public.run('delete from finance.ledger'))

-- escaping: writes finance.ledger
values(public.run('delete from finance.ledger')),(1)

