//! What SQLite's own description of a database says of tables and columns.

use super::super::value::{Column, Table, TableKind};
use super::reading::{UNKNOWN_TYPE, column};
use rusqlite::Connection;

/// The one schema there is.
pub(super) const SCHEMA: &str = "public";

/// The tables and views, by name.
pub(super) fn tables(sqlite: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut statement = sqlite.prepare(
        "select name, type = 'view' from sqlite_schema \
         where type in ('table', 'view') and name not like 'sqlite~_%' escape '~' order by name",
    )?;
    let tables = statement.query_map([], |row| {
        let is_view: bool = row.get(1)?;
        Ok(Table {
            schema: SCHEMA.to_owned(),
            name: row.get(0)?,
            kind: if is_view {
                TableKind::View
            } else {
                TableKind::Table
            },
        })
    })?;
    tables.collect()
}

/// The columns of the tables and views with these names, in order.
pub(super) fn columns(
    sqlite: &Connection,
    schema: Option<&str>,
    table: Option<&str>,
) -> rusqlite::Result<Vec<Column>> {
    if schema.is_some_and(|schema| schema != SCHEMA) {
        return Ok(Vec::new());
    }
    let mut tables = tables(sqlite)?;
    tables.retain(|found| table.is_none_or(|wanted| wanted == found.name));
    let mut columns = Vec::new();
    for table in tables {
        let mut statement = sqlite.prepare(
            "select name, type, \"notnull\", dflt_value from pragma_table_info(?1) order by cid",
        )?;
        let mut rows = statement.query([&table.name])?;
        while let Some(row) = rows.next()? {
            let (name, declared): (String, String) = (row.get(0)?, row.get(1)?);
            let (mut found, _) = column(&name, Some(&declared));
            if found.type_name.is_empty() {
                UNKNOWN_TYPE.clone_into(&mut found.type_name);
            }
            columns.push(Column {
                not_null: row.get(2)?,
                schema: SCHEMA.to_owned(),
                table: table.name.clone(),
                default: row.get(3)?,
                ..found
            });
        }
    }
    Ok(columns)
}
