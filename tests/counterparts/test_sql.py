"""What Signalbox says of SQL, held against what sqlglot and pglast read in the same texts.

A statement whose facts are complete names every table that they see. The texts are those that sqlglot's own tests are
about, read from its source distribution, and statements that the fuzzer of tests/sql makes.
"""

import ast
import collections
import json
import logging
import os
import pathlib
import subprocess

import pglast
import pglast.visitors
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

FACTS = os.environ["SIGNALBOX_COUNTERPARTS_FACTS"]
SQLGLOT_TESTS = pathlib.Path(os.environ["SIGNALBOX_COUNTERPARTS_SQLGLOT_TESTS"])
# A folder of more, such as a clone of sqlfluff's test/fixtures/dialects/redshift.
MORE = os.environ.get("SIGNALBOX_COUNTERPARTS_SQL")
GENERATED = int(os.environ.get("SIGNALBOX_COUNTERPARTS_GENERATED", "6000"))

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def facts_of(texts):
    """The facts of each text."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([FACTS], input=lines, text=True, capture_output=True, check=True, encoding="utf-8")
    found = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(found) == len(texts)
    return [(entry["sql"], entry["facts"]) for entry in found]


def folded(name):
    """A name as the database folds it: of letters, ASCII's alone."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def is_complete(facts):
    return facts["complete"] and facts["kind"] is not None and "unparsed" not in facts


def named(facts):
    """Tables as (schema or None, name)."""
    found = {(table.get("schema"), table["name"]) for table in facts["reads"] + facts["writes"]}
    # A table keeps its schema when it is renamed, which the others do not know: they name it as it is written.
    renamed = {(None, name) for _, name in found} if facts["kind"] == "alter-table" else set()
    return found | renamed


def by_pglast(sql):
    """Tables that PostgreSQL's own parser sees, or None where it does not parse."""
    try:
        relations = pglast.visitors.referenced_relations(sql)
    except Exception:  # noqa: BLE001  It raises many kinds.
        return None
    found = set()
    for relation in relations:
        parts = [folded(part.strip('"')) for part in relation.split(".")]
        found.add((parts[-2] if len(parts) > 1 else None, parts[-1]))
    return found


def by_sqlglot(sql):
    """Tables that sqlglot sees, but those with a query's name, or None where it does not parse."""
    try:
        trees = sqlglot.parse(sql, read="redshift")
    except Exception:  # noqa: BLE001  It raises many kinds, RecursionError too.
        return None
    if len(trees) != 1 or trees[0] is None or isinstance(trees[0], exp.Command):
        return None
    # What these name as tables is a database or a constraint.
    if isinstance(trees[0], (exp.Create, exp.Drop)) and trees[0].kind not in ("TABLE", "VIEW"):
        return None
    if isinstance(trees[0], exp.Alter) and trees[0].find(exp.Drop):
        return None
    queries = {folded(query.alias_or_name) for query in trees[0].find_all(exp.CTE)}
    aliases = {folded(table.alias) for table in trees[0].find_all(exp.Table) if table.alias}
    found = set()
    for table in trees[0].find_all(exp.Table):
        # A function of rows, or a place in a value of the row before.
        if not isinstance(table.this, exp.Identifier):
            continue
        schema, name = folded(table.db) or None, folded(table.name)
        if schema is None and name in queries | {""} or schema in aliases:
            continue
        found.add((schema, name))
    return found


def missing(sql, facts):
    """What others see and complete facts do not name."""
    if not is_complete(facts):
        return {}
    ours = named(facts)
    seen = {"pglast": by_pglast(sql), "sqlglot": by_sqlglot(sql)}
    return {by: sorted(map(str, tables - ours)) for by, tables in seen.items() if tables and tables - ours}


def statements_of(text):
    """The statements of a file."""
    tokens = Dialect.get_or_raise("postgres").tokenize(text)
    begin, found = 0, []
    for token in tokens:
        if token.token_type == sqlglot.TokenType.SEMICOLON:
            found.append(text[begin:token.start])
            begin = token.end + 1
    found.append(text[begin:])
    return [statement.strip() for statement in found if statement.strip()]


def of_tests(file, dialects):
    """SQL in the tests of a dialect: what is validated, and what is read in these dialects."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in ("validate_identity", "validate_all") and node.args:
            found.append(node.args[0])
        for keyword in node.keywords:
            if keyword.arg in ("read", "write") and isinstance(keyword.value, ast.Dict):
                pairs = zip(keyword.value.keys, keyword.value.values)
                found += [value for key, value in pairs if getattr(key, "value", None) in dialects]
    texts = [node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return list(dict.fromkeys(texts))


def is_statement(sql):
    """Whether a text is a whole statement: tests are about expressions too."""
    try:
        tree = sqlglot.parse_one(sql, read="redshift")
    except Exception:  # noqa: BLE001  It raises many kinds.
        return False
    return isinstance(tree, (exp.Query, exp.DML, exp.DDL, exp.Command, exp.Drop, exp.Alter)) and len(sql) > 8


def corpora():
    redshift = of_tests(SQLGLOT_TESTS / "dialects" / "test_redshift.py", ["redshift"])
    postgres = of_tests(SQLGLOT_TESTS / "dialects" / "test_postgres.py", ["postgres"])
    identity = (SQLGLOT_TESTS / "fixtures" / "identity.sql").read_text().splitlines()
    found = {
        "sqlglot redshift": [sql for sql in redshift if is_statement(sql)],
        "sqlglot postgres": [sql for sql in postgres if is_statement(sql)],
        "sqlglot identity": [sql for sql in identity if is_statement(sql)],
    }
    for name in ("tpc-h", "tpc-ds"):
        # A query and how it is when optimized take turns; what the tests do with them is behind `#`.
        lines = (SQLGLOT_TESTS / "fixtures" / "optimizer" / name / f"{name}.sql").read_text().splitlines()
        found[name] = statements_of("\n".join(line for line in lines if not line.startswith("#")))
    if MORE:
        files = sorted(pathlib.Path(MORE).glob("**/*.sql"))
        found["more"] = [sql for file in files for sql in statements_of(file.read_text())]
    return found


# The least share of statements whose kind is known, and of those whose facts are complete.
FLOORS = {
    "sqlglot redshift": (0.98, 0.92),
    "tpc-h": (1.0, 0.97),
    "tpc-ds": (1.0, 0.98),
    "more": (0.98, 0.0),
}


@pytest.fixture(scope="module")
def measured():
    return {name: facts_of(texts) for name, texts in corpora().items()}


def show(found):
    return "\n".join(f"{seen}\n    {sql[:600]!r}\n    {facts}" for sql, facts, seen in found[:20])


def test_complete_facts_name_the_tables_of_public_statements(measured):
    found = [
        (sql, facts, seen)
        for pairs in measured.values() for sql, facts in pairs if (seen := missing(sql, facts))
    ]
    compared = sum(
        is_complete(facts) and by_sqlglot(sql) is not None for pairs in measured.values() for sql, facts in pairs
    )
    assert compared > sum(map(len, measured.values())) / 2, "too few were compared"
    assert not found, f"{len(found)} finds\n{show(found)}"


def test_most_public_statements_are_understood(measured):
    lacking = []
    for name, pairs in measured.items():
        known = [facts for _, facts in pairs if facts["kind"] is not None and "unparsed" not in facts]
        complete = [facts for facts in known if facts["complete"]]
        shares = len(known) / len(pairs), len(complete) / len(pairs)
        print(f"\n{name}: {len(pairs)} statements, {shares[0]:.1%} understood, {shares[1]:.1%} complete", end="")
        if any(share < floor for share, floor in zip(shares, FLOORS.get(name, (0, 0)))):
            unknown = [sql for sql, facts in pairs if facts["kind"] is None or "unparsed" in facts]
            lacking.append(f"{name}: {shares}, the floor is {FLOORS[name]}; not understood:\n" + "\n".join(unknown[:20]))
    print()
    assert not lacking, "\n".join(lacking)


def test_complete_facts_name_the_tables_of_generated_statements():
    done = subprocess.run([FACTS, "make", str(GENERATED), "7"], text=True, capture_output=True, check=True, encoding="utf-8")
    made = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(made) == GENERATED
    found, count = [], collections.Counter()
    for entry in made:
        sql, facts = entry["sql"], entry["facts"]
        count["complete"] += is_complete(facts)
        count["by pglast"] += is_complete(facts) and by_pglast(sql) is not None
        count["by sqlglot"] += is_complete(facts) and by_sqlglot(sql) is not None
        if seen := missing(sql, facts):
            found.append((sql, facts, seen))
    print(f"\n{GENERATED} statements made: {dict(count)}")
    assert min(count["by pglast"], count["by sqlglot"]) > GENERATED / 10, "too few were compared"
    assert not found, f"{len(found)} finds\n{show(found)}"
