//! GetStatementResult and GetStatementResultV2.

use super::describe::{part_index, wait};
use super::request::{ResultFormat, StatementInput};
use super::service::Core;
use super::statement::{Status, put};
use super::{paging, validate};
use crate::aws_json::error::ServiceError;
use crate::sql::{Cell, Column, ResultSet};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A page as JSON cells.
pub(crate) async fn json(core: &Core, input: StatementInput) -> Result<Value, ServiceError> {
    let page = page(core, input, ResultFormat::Json).await?;
    let records = page
        .rows()
        .iter()
        .map(|row| Value::Array(row.iter().map(field).collect()))
        .collect();
    Ok(page.reply(Value::Array(records)))
}

/// A page as CSV text, without a header.
pub(crate) async fn csv(core: &Core, input: StatementInput) -> Result<Value, ServiceError> {
    let page = page(core, input, ResultFormat::Csv).await?;
    let mut text = String::new();
    for row in page.rows() {
        let cells: Vec<String> = row.iter().map(csv_cell).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    let mut reply = page.reply(json!([{ "CSVRecords": text }]));
    if let Value::Object(reply) = &mut reply {
        put(reply, "ResultFormat", Some(ResultFormat::Csv.as_str()));
    }
    Ok(reply)
}

struct Page {
    result: Arc<ResultSet>,
    from: usize,
    to: usize,
    next: Option<String>,
}

impl Page {
    fn rows(&self) -> &[Vec<Cell>] {
        self.result.rows.get(self.from..self.to).unwrap_or_default()
    }

    fn reply(&self, records: Value) -> Value {
        let mut reply = Map::new();
        put(&mut reply, "Records", Some(records));
        let columns = self.result.columns.iter().map(column).collect();
        put(&mut reply, "ColumnMetadata", Some(Value::Array(columns)));
        put(&mut reply, "TotalNumRows", Some(self.result.rows.len()));
        put(&mut reply, "NextToken", self.next.as_deref());
        Value::Object(reply)
    }
}

async fn page(
    core: &Core,
    input: StatementInput,
    format: ResultFormat,
) -> Result<Page, ServiceError> {
    let (id, number) = validate::statement_id(input.id.as_deref())?;
    validate::wait_time(input.wait_time_seconds)?;
    let statement = core.store.get(&id)?;
    let at = match number {
        Some(number) => part_index(&statement, number)?,
        None if statement.is_batch() => {
            return Err(ServiceError::validation(format!(
                "A batch has no result of its own; ask for that of a part, such as {id}:1."
            )));
        }
        None => 0,
    };
    if statement.format != format {
        return Err(ServiceError::validation(format!(
            "The statement was executed with ResultFormat {}; use {} for its result.",
            statement.format.as_str(),
            match statement.format {
                ResultFormat::Json => "GetStatementResult",
                ResultFormat::Csv => "GetStatementResultV2",
            }
        )));
    }
    wait(&statement, input.wait_time_seconds).await?;
    let (result, is_dropped) = {
        let progress = statement.progress.borrow();
        let part = progress.parts.get(at);
        let finished = part.filter(|part| part.status == Status::Finished);
        (
            finished.and_then(|part| part.result.clone()),
            progress.results_dropped,
        )
    };
    let result = result.ok_or_else(|| {
        let message = if is_dropped {
            "The result was dropped to make room for newer ones."
        } else {
            "Query does not have result. Please check query status with DescribeStatement."
        };
        ServiceError::not_found(input.id.as_deref().unwrap_or(&id), message)
    })?;
    let subject = (&statement.id, at);
    let from = match input.next_token.as_deref() {
        None | Some("") => 0,
        Some(token) => usize::try_from(paging::place(&subject, token)?).unwrap_or(usize::MAX),
    };
    let to = page_end(core, &result, from);
    let next = (to < result.rows.len())
        .then(|| paging::token(&subject, u64::try_from(to).unwrap_or(u64::MAX)));
    Ok(Page {
        result,
        from,
        to,
        next,
    })
}

/// Where a page ends: it has one row at least.
fn page_end(core: &Core, result: &ResultSet, from: usize) -> usize {
    let (mut to, mut bytes) = (from, 0);
    for row in result
        .rows
        .iter()
        .skip(from)
        .take(core.options.page_rows.max(1))
    {
        bytes += row.iter().map(Cell::size).sum::<usize>();
        if to > from && bytes > core.options.page_bytes {
            break;
        }
        to += 1;
    }
    to
}

fn field(cell: &Cell) -> Value {
    match cell {
        Cell::Null => json!({ "isNull": true }),
        Cell::Long(n) => json!({ "longValue": n }),
        Cell::Double(x) if x.is_finite() => json!({ "doubleValue": x }),
        // The protocol spells what JSON has no number for.
        Cell::Double(x) => json!({ "doubleValue": infinite(*x) }),
        Cell::Text(text) => json!({ "stringValue": text }),
        Cell::Bool(b) => json!({ "booleanValue": b }),
        Cell::Blob(bytes) => json!({ "blobValue": BASE64.encode(bytes) }),
    }
}

fn infinite(x: f64) -> &'static str {
    if x.is_nan() {
        "NaN"
    } else if x > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn csv_cell(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Long(n) => n.to_string(),
        Cell::Double(x) => x.to_string(),
        Cell::Bool(b) => b.to_string(),
        Cell::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        // An empty text is quoted, so that it is not taken for a missing value.
        Cell::Text(text) if text.is_empty() || text.contains([',', '"', '\r', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Cell::Text(text) => text.clone(),
    }
}

/// A column as the service describes it.
pub(super) fn column(column: &Column) -> Value {
    let type_name = column.type_name.as_str();
    let is_text = matches!(type_name, "varchar" | "bpchar" | "super");
    let (digits, is_signed) = match type_name {
        "int2" => (5, true),
        "int4" => (10, true),
        "int8" => (19, true),
        "float4" => (8, true),
        "float8" => (17, true),
        "numeric" => (38, true),
        "bool" => (1, false),
        _ => (0, false),
    };
    json!({
        "isCaseSensitive": is_text,
        "isCurrency": false,
        "isSigned": is_signed,
        "label": column.name,
        "length": 0,
        "name": column.name,
        // 0 is "no NULLs" and 1 "nullable" in JDBC's terms, which the service uses.
        "nullable": i32::from(!column.not_null),
        "precision": column.precision.unwrap_or(digits),
        "scale": column.scale,
        "schemaName": column.schema,
        "tableName": column.table,
        "typeName": type_name,
    })
}
