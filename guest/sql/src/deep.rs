//! SQL that is deep or long: for tests of time, memory and stack, here and through a component.

/// Named texts of SQL, each close to the 100 KB that Redshift takes and each deep or long in another way, and the same
/// patterns as tools generate them.
///
/// None of them may trap a policy, abort a test or take long.
#[doc(hidden)]
#[must_use]
pub fn deep_sql_cases() -> Vec<(String, String)> {
    const LARGEST: usize = super::MAX_SQL_BYTES;
    let mut cases = Vec::new();
    for pattern in PATTERNS {
        let [open, middle, close] = pattern.repeated;
        let each = open.len() + close.len();
        let room = LARGEST - pattern.before.len() - pattern.after.len() - middle.len();
        let mut add = |label: String, times: usize| {
            let sql = format!(
                "{}{}{middle}{}{}",
                pattern.before,
                open.repeat(times),
                close.repeat(times),
                pattern.after
            );
            cases.push((label, sql));
        };
        add(format!("{}, 100 KB", pattern.name), room / each);
        let most = room / each;
        for times in [60, 200, 2_000].into_iter().filter(|times| *times < most) {
            add(format!("{}, {times} times", pattern.name), times);
        }
    }
    cases
}

struct Pattern {
    name: &'static str,
    before: &'static str,
    /// What is repeated before the middle, the middle, what is repeated behind it.
    repeated: [&'static str; 3],
    after: &'static str,
}

const fn pattern(
    name: &'static str,
    before: &'static str,
    repeated: [&'static str; 3],
    after: &'static str,
) -> Pattern {
    Pattern {
        name,
        before,
        repeated,
        after,
    }
}

const PATTERNS: &[Pattern] = &[
    pattern("columns", "select ", ["a,", "a", ""], " from t"),
    pattern(
        "qualified columns",
        "select ",
        ["\"a\".\"b\",", "a", ""],
        " from t",
    ),
    pattern("calls", "select ", ["f(a),", "a", ""], " from t"),
    pattern(
        "subselects",
        "select ",
        ["(select 1 from a),", "a", ""],
        " from t",
    ),
    pattern(
        "names of queries",
        "with ",
        ["a as(select 1),", "b as(select 1)", ""],
        " select 1 from a",
    ),
    pattern(
        "uses of a name",
        "with a as (select 1) select 1 from ",
        ["a,", "a", ""],
        "",
    ),
    pattern("words", "frobnicate ", ["a ", "", ""], ""),
    pattern(
        "words of a definition",
        "create procedure ",
        ["a ", "", ""],
        "",
    ),
    pattern(
        "columns of a table",
        "create table t (",
        ["a int,", "a int", ""],
        ")",
    ),
    pattern("rights", "grant select on ", ["a,", "a", ""], " to u"),
    pattern("or chain", "select 1 from t where ", ["a OR ", "a", ""], ""),
    pattern(
        "and of comparisons",
        "delete from t where ",
        ["a = 1 AND ", "a", ""],
        "",
    ),
    pattern("sum", "select ", ["1+", "1", ""], ""),
    pattern(
        "concatenation",
        "insert into t select ",
        ["a||", "a", ""],
        " from s",
    ),
    pattern("parentheses", "select ", ["(", "1", ")"], ""),
    pattern("open parentheses", "select ", ["(", "1", ""], ""),
    pattern("closing parentheses", "select 1", ["", "", ")"], ""),
    pattern("parentheses with sums", "select ", ["(1+1+", "1", ")"], ""),
    pattern(
        "left parentheses with sums",
        "select ",
        ["(", "1", "+1+1+1+1+1+1+1+1+1+1)"],
        "",
    ),
    pattern("not", "select 1 where ", ["NOT ", "a", ""], ""),
    pattern("minus", "select ", ["- ", "1", ""], ""),
    pattern("plus", "select ", ["+ ", "1", ""], ""),
    pattern("tilde", "select ", ["~ ", "1", ""], ""),
    pattern(
        "case in then",
        "select ",
        ["case when a then ", "1", " end"],
        "",
    ),
    pattern(
        "case in when",
        "select ",
        ["case when ", "a", " then 1 end"],
        "",
    ),
    pattern(
        "case in else",
        "select ",
        ["case when a then 1 else ", "1", " end"],
        "",
    ),
    pattern("open case", "select ", ["case ", "", ""], ""),
    pattern("union", "", ["select 1 union all ", "select 1", ""], ""),
    pattern("except", "", ["select 1 except ", "select 1", ""], ""),
    pattern(
        "subselect in from",
        "",
        ["select * from (", "select 1", ") x"],
        "",
    ),
    pattern(
        "subselect in where",
        "",
        ["select 1 where a in (", "select 1", ")"],
        "",
    ),
    pattern("scalar subselect", "", ["select (", "select 1", ")"], ""),
    pattern(
        "exists",
        "",
        ["select 1 where exists (", "select 1", ")"],
        "",
    ),
    pattern("parenthesised select", "", ["(", "select 1", ")"], ""),
    pattern(
        "with",
        "",
        ["with a as (", "select 1", ") select 1 from a"],
        "",
    ),
    pattern(
        "join",
        "select 1 from a ",
        ["join b on a.x = b.x ", "", ""],
        "",
    ),
    pattern(
        "join without on",
        "select 1 from a ",
        ["join b ", "", ""],
        "",
    ),
    pattern(
        "join with late on",
        "select 1 from a ",
        ["join b ", "", "on x "],
        "",
    ),
    pattern(
        "cross join",
        "select 1 from a ",
        ["cross join b ", "", ""],
        "",
    ),
    pattern(
        "parenthesised join",
        "select 1 from ",
        ["(", "a", " join b on x)"],
        "",
    ),
    pattern("parenthesised table", "select 1 from ", ["(", "a", ")"], ""),
    pattern("comma tables", "select 1 from ", ["a, ", "a", ""], ""),
    pattern("subscript", "select a", ["[1]", "", ""], ""),
    pattern("nested subscript", "select ", ["a[", "1", "]"], ""),
    pattern("dots", "select a", [".b", "", ""], ""),
    pattern("dotted table", "select 1 from a", [".b", "", ""], ""),
    pattern("call with dots", "select f()", [".b", "", ""], ""),
    pattern("cast", "select a", ["::int", "", ""], ""),
    pattern("cast function", "select ", ["cast(", "a", " as int)"], ""),
    pattern("function", "select ", ["f(", "a", ")"], ""),
    pattern(
        "function with list",
        "select ",
        ["coalesce(a, ", "a", ", b)"],
        "",
    ),
    pattern(
        "is distinct from",
        "select 1 where a",
        [" is distinct from a", "", ""],
        "",
    ),
    pattern("is null", "select 1 where a", [" is null", "", ""], ""),
    pattern(
        "between",
        "select 1 where ",
        ["a between ", "a", " and a"],
        "",
    ),
    pattern("like", "select 1 where a", [" like a", "", ""], ""),
    pattern("in list", "select 1 where a in (", ["1, ", "1", ""], ")"),
    pattern("in in", "select 1 where ", ["a in (", "1", ")"], ""),
    pattern(
        "keywords as names",
        "select 1 where a",
        [" + where", "", ""],
        "",
    ),
    pattern(
        "at time zone",
        "select a",
        [" at time zone 'utc'", "", ""],
        "",
    ),
    pattern("collate", "select a", [" collate \"x\"", "", ""], ""),
    pattern("interval", "select ", ["interval ", "'1'", ""], ""),
    pattern("prior", "select ", ["prior ", "a", ""], ""),
    pattern("array", "select ", ["array[", "1", "]"], ""),
    pattern("array function", "select ", ["array(", "1", ")"], ""),
    pattern(
        "array type",
        "select cast(a as ",
        ["array<", "int", ">"],
        ")",
    ),
    pattern(
        "struct type",
        "select cast(a as ",
        ["struct<a ", "int", ">"],
        ")",
    ),
    pattern(
        "array type in a table",
        "create table t (a ",
        ["array<", "int", ">"],
        ")",
    ),
    pattern("bracketed type", "select a::int", ["[]", "", ""], ""),
    pattern("explain", "", ["explain ", "select 1", ""], ""),
    pattern("prepare", "", ["prepare p as ", "select 1", ""], ""),
    pattern("unload", "", ["unload ('", "select 1", "') to 's3'"], ""),
    pattern("begin", "", ["begin ", "", " end"], ""),
    pattern("if", "", ["if a then ", "", " end if"], ""),
    pattern("create schema", "", ["create schema s ", "", ""], ""),
    pattern("values", "insert into t values ", ["(1), ", "(1)", ""], ""),
    pattern(
        "pivot",
        "select 1 from a ",
        ["pivot (sum(x) for y in (1)) ", "", ""],
        "",
    ),
    pattern("table aliases", "select 1 from a", [" as b", "", ""], ""),
    pattern(
        "window",
        "select ",
        ["sum(", "a", ") over (partition by a)"],
        "",
    ),
    pattern(
        "nested windows",
        "select ",
        ["sum(a) over (order by ", "a", ")"],
        "",
    ),
    pattern("extract", "select ", ["extract(year from ", "a", ")"], ""),
    pattern("block comments", "select 1 ", ["/* ", "", " */"], ""),
    pattern("open comments", "select 1 ", ["/* ", "", ""], ""),
    pattern("braces", "select ", ["{", "1", "}"], ""),
    pattern("lambda", "select ", ["a -> ", "a", ""], ""),
    pattern("any", "select 1 where ", ["a = any(", "a", ")"], ""),
    pattern(
        "operator function",
        "select a",
        [" operator(+) a", "", ""],
        "",
    ),
    pattern("texts", "select ", ["'a'\n", "'a'", ""], ""),
    pattern("dollars", "select ", ["$a", "", ""], ""),
    pattern("quotes", "select ", ["'", "", ""], ""),
];
