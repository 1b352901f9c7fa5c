//! ListDatabases, ListSchemas, ListTables and DescribeTable.

use super::request::MetadataInput;
use super::result::column;
use super::service::Core;
use super::statement::put;
use super::{paging, validate};
use crate::aws_json::error::ServiceError;
use crate::sql::{Column, Connection, Engine, SqlError, TableKind};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How many entries a page has if the request does not say: the most it may.
const PAGE: usize = 1000;

/// Lists the databases.
pub(crate) async fn databases(core: &Core, input: MetadataInput) -> Result<Value, ServiceError> {
    let all = look(core, &input, |engine, _| engine.databases()).await?;
    page("ListDatabases", &input, "Databases", &all, |name| {
        json!(name)
    })
}

/// Lists the schemas whose names match.
pub(crate) async fn schemas(core: &Core, input: MetadataInput) -> Result<Value, ServiceError> {
    let mut all = look(core, &input, |_, connection| connection.schemas()).await?;
    all.retain(|name| matches(input.schema_pattern.as_deref(), name));
    page("ListSchemas", &input, "Schemas", &all, |name| json!(name))
}

/// Lists the tables whose names and schemas match.
pub(crate) async fn tables(core: &Core, input: MetadataInput) -> Result<Value, ServiceError> {
    let mut all = look(core, &input, |_, connection| connection.tables()).await?;
    all.retain(|table| {
        matches(input.schema_pattern.as_deref(), &table.schema)
            && matches(input.table_pattern.as_deref(), &table.name)
    });
    page("ListTables", &input, "Tables", &all, |table| {
        let kind = match table.kind {
            TableKind::Table => "TABLE",
            TableKind::View => "VIEW",
            TableKind::SystemTable => "SYSTEM TABLE",
        };
        json!({ "name": table.name, "schema": table.schema, "type": kind })
    })
}

/// Lists the columns of a table, or of all tables of that name or schema.
pub(crate) async fn columns(core: &Core, input: MetadataInput) -> Result<Value, ServiceError> {
    let (schema, table) = (input.schema.clone(), input.table.clone());
    let all = look(core, &input, move |_, connection| {
        connection.columns(
            schema.as_deref().filter(|name| !name.is_empty()),
            table.as_deref().filter(|name| !name.is_empty()),
        )
    })
    .await?;
    let mut reply = page("DescribeTable", &input, "ColumnList", &all, of_table)?;
    if let Value::Object(reply) = &mut reply {
        put(reply, "TableName", input.table.as_deref());
    }
    Ok(reply)
}

/// A column of a table: as that of a result, with its length and its default.
fn of_table(found: &Column) -> Value {
    let mut described = column(found);
    if let Value::Object(members) = &mut described {
        put(members, "length", members.get("precision").cloned());
        put(members, "columnDefault", found.default.as_deref());
    }
    described
}

/// Looks into the database on a thread of its own, since the engine blocks.
async fn look<T: Send + 'static>(
    core: &Core,
    input: &MetadataInput,
    act: impl FnOnce(&dyn Engine, &mut dyn Connection) -> Result<T, SqlError> + Send + 'static,
) -> Result<T, ServiceError> {
    validate::metadata(input)?;
    let engine = Arc::clone(&core.engine);
    let database = input.database.clone().unwrap_or_default();
    let connected = input.connected_database.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let refused = |error: SqlError| {
            ServiceError::server("DatabaseConnectionException", error.to_string())
        };
        // What is connected to must be there; what is looked at is another database of the same server.
        if let Some(connected) = connected.filter(|name| *name != database) {
            engine.connect(&connected).map_err(refused)?;
        }
        let mut connection = engine.connect(&database).map_err(refused)?;
        act(engine.as_ref(), connection.as_mut())
            .map_err(|error| ServiceError::server("InternalServerException", error.to_string()))
    });
    looked.await.unwrap_or_else(|error| {
        Err(ServiceError::server(
            "InternalServerException",
            error.to_string(),
        ))
    })
}

/// The part of the entries that the request asks for.
fn page<T>(
    operation: &str,
    input: &MetadataInput,
    member: &str,
    all: &[T],
    entry: impl Fn(&T) -> Value,
) -> Result<Value, ServiceError> {
    // How many a page has may change from page to page, nothing else.
    let subject = (operation, input.without_page());
    let from = match input.next_token.as_deref() {
        None | Some("") => 0,
        Some(token) => usize::try_from(paging::place(&subject, token)?).unwrap_or(usize::MAX),
    };
    // Zero is allowed and means, as nothing, the default.
    let size = match input.max_results {
        Some(number) if number > 0 => usize::try_from(number).unwrap_or(PAGE),
        _ => PAGE,
    };
    let to = from.saturating_add(size);
    let entries = all.iter().skip(from).take(size).map(entry).collect();
    let mut reply = Map::new();
    put(&mut reply, member, Some(Value::Array(entries)));
    if to < all.len() {
        let token = paging::token(&subject, u64::try_from(to).unwrap_or(u64::MAX));
        put(&mut reply, "NextToken", Some(token));
    }
    Ok(Value::Object(reply))
}

/// Whether a name matches a pattern: `%` is any text, `_` any character, `\` takes the next one as it is. No
/// pattern, and an empty one, match all.
fn matches(pattern: Option<&str>, name: &str) -> bool {
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
        return true;
    };
    // Which places of the pattern can be reached with the name so far.
    let mut parts: Vec<Part> = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::This(characters.next().unwrap_or('\\')),
            c => Part::This(c),
        });
    }
    let mut reached = vec![false; parts.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    close(&parts, &mut reached);
    for c in name.chars() {
        let mut next = vec![false; reached.len()];
        for (at, part) in parts.iter().enumerate() {
            if !reached.get(at).copied().unwrap_or_default() {
                continue;
            }
            let to = match part {
                Part::Any => at,
                Part::One => at + 1,
                Part::This(wanted) if *wanted == c => at + 1,
                Part::This(_) => continue,
            };
            if let Some(place) = next.get_mut(to) {
                *place = true;
            }
        }
        close(&parts, &mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// A part of a pattern.
enum Part {
    Any,
    One,
    This(char),
}

/// `%` may stand for nothing.
fn close(parts: &[Part], reached: &mut [bool]) {
    for (at, part) in parts.iter().enumerate() {
        let is_reached = reached.get(at).copied().unwrap_or_default();
        if is_reached
            && matches!(part, Part::Any)
            && let Some(place) = reached.get_mut(at + 1)
        {
            *place = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_are_those_of_sql() {
        for (pattern, name, expected) in [
            ("sales", "sales", true),
            ("sales", "Sales", false),
            ("sales", "sales2", false),
            ("s%s", "sales", true),
            ("%", "", true),
            ("s_les", "sales", true),
            ("s_les", "säles", true),
            ("_", "", false),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("%a%b", "xaxbxb", true),
            ("%a%b", "xaxbxc", false),
        ] {
            assert_eq!(matches(Some(pattern), name), expected, "{pattern} {name}");
        }
        assert!(matches(None, "x") && matches(Some(""), "x"));
    }

    proptest! {
        #[test]
        fn a_name_with_percent_around_it_is_found(name in "[a-z0-9]*", around in "[a-z_%]*") {
            let text = format!("{around}{name}{around}");
            let pattern = format!("%{name}%");
            prop_assert!(matches(Some(&pattern), &text));
        }
    }
}
