//! What PostgreSQL's catalog says of schemas, tables and columns.

use super::super::value::{Column, Table, TableKind};
use super::connection::Failure;
use super::types;
use std::collections::HashMap;
use tokio_postgres::{Client, Row};

/// Hides what is not the user's business: the layer, and what PostgreSQL keeps for itself.
const SHOWN: &str = r"n.nspname <> 'signalbox' and n.nspname !~ '^pg_(toast|temp_)'";
/// Schemas of the system.
const IS_SYSTEM: &str = "n.nspname in ('pg_catalog', 'information_schema')";

/// The columns of a result, with what their tables say of them.
pub(super) async fn result_columns(
    client: &Client,
    described: &[tokio_postgres::Column],
) -> Result<Vec<Column>, Failure> {
    let places: Vec<String> = described
        .iter()
        .filter_map(|column| Some(format!("({},{})", column.table_oid()?, column.column_id()?)))
        .collect();
    let mut known: HashMap<(u32, i16), Row> = HashMap::new();
    if !places.is_empty() {
        let sql = format!(
            "select a.attrelid, a.attnum, n.nspname::text, c.relname::text, a.attnotnull \
             from pg_catalog.pg_attribute a \
             join pg_catalog.pg_class c on c.oid = a.attrelid \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where (a.attrelid, a.attnum) in ({})",
            places.join(",")
        );
        for row in client.query_typed(&sql, &[]).await? {
            known.insert((row.try_get(0)?, row.try_get(1)?), row);
        }
    }
    let mut columns = Vec::with_capacity(described.len());
    for described in described {
        let mut column = types::column(
            described.name(),
            described.type_().name(),
            described.type_modifier(),
        );
        let place = described.table_oid().zip(described.column_id());
        if let Some(row) = place.and_then(|place| known.get(&place)) {
            column.schema = row.try_get(2)?;
            column.table = row.try_get(3)?;
            column.not_null = row.try_get(4)?;
        }
        columns.push(column);
    }
    Ok(columns)
}

/// The schemas, in order.
pub(super) async fn schemas(client: &Client) -> Result<Vec<String>, Failure> {
    let sql = format!(
        "select n.nspname::text from pg_catalog.pg_namespace n where {SHOWN} order by n.nspname"
    );
    let rows = client.query_typed(&sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?)
}

/// The tables and views, by schema and name.
pub(super) async fn tables(client: &Client) -> Result<Vec<Table>, Failure> {
    let sql = format!(
        "select n.nspname::text, c.relname::text, c.relkind in ('v', 'm'), {IS_SYSTEM} \
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where c.relkind in ('r', 'p', 'v', 'm', 'f') and {SHOWN} \
         order by n.nspname, c.relname"
    );
    let mut tables = Vec::new();
    for row in client.query_typed(&sql, &[]).await? {
        let (is_view, is_system): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
        tables.push(Table {
            schema: row.try_get(0)?,
            name: row.try_get(1)?,
            kind: match (is_view, is_system) {
                (true, _) => TableKind::View,
                (false, true) => TableKind::SystemTable,
                (false, false) => TableKind::Table,
            },
        });
    }
    Ok(tables)
}

/// The columns of tables and views, in order.
pub(super) async fn columns(
    client: &Client,
    schema: Option<&str>,
    table: Option<&str>,
) -> Result<Vec<Column>, Failure> {
    let sql = format!(
        "select a.attname::text, t.typname::text, a.atttypmod, a.attnotnull, n.nspname::text, \
         c.relname::text, pg_catalog.pg_get_expr(d.adbin, d.adrelid) \
         from pg_catalog.pg_attribute a \
         join pg_catalog.pg_class c on c.oid = a.attrelid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         join pg_catalog.pg_type t on t.oid = a.atttypid \
         left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum \
         where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and {SHOWN} \
         and ($1::text is null or n.nspname = $1) and ($2::text is null or c.relname = $2) \
         order by n.nspname, c.relname, a.attnum"
    );
    let mut columns = Vec::new();
    for row in client.query(&sql, &[&schema, &table]).await? {
        let (name, type_name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        columns.push(Column {
            not_null: row.try_get(3)?,
            schema: row.try_get(4)?,
            table: row.try_get(5)?,
            default: row.try_get(6)?,
            ..types::column(&name, &type_name, row.try_get(2)?)
        });
    }
    Ok(columns)
}
