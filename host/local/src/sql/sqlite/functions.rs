//! Functions of Redshift that SQLite has not, and slow ones to try things with.

use super::super::stop::StopSlot;
use crate::time::TimeScale;
use jiff::Timestamp;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

/// Registers them on a connection. `pid` is what `pg_backend_pid()` returns.
pub(super) fn register(
    connection: &Connection,
    slot: &StopSlot,
    scale: TimeScale,
    pid: i64,
) -> Result<()> {
    let changing = FunctionFlags::SQLITE_UTF8;
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let add = |name: &str, arguments: i32, flags, function: fn(&Context<'_>) -> Result<Value>| {
        connection.create_scalar_function(name, arguments, flags, function)
    };
    let sleeper = slot.clone();
    connection.create_scalar_function("f_slow", 2, changing, move |context| {
        let time = scale.wall_seconds(number(context, 1)?);
        if sleeper.get().sleep(time) {
            return Err(stopped());
        }
        argument(context, 0)
    })?;
    let sleeper = slot.clone();
    connection.create_scalar_function("pg_sleep", 1, changing, move |context| {
        let time = scale.wall_seconds(number(context, 0)?);
        if sleeper.get().sleep(time) {
            return Err(stopped());
        }
        Ok(Value::Text(String::new()))
    })?;
    connection.create_scalar_function("pg_backend_pid", 0, changing, move |_| Ok(pid))?;
    add("getdate", 0, changing, |_| Ok(Value::Text(now())))?;
    add("version", 0, pure, |_| {
        Ok(Value::Text(format!(
            "Signalbox stand-in on SQLite {}",
            rusqlite::version()
        )))
    })?;
    add("nvl", -1, pure, |context| {
        (0..context.len())
            .map(|at| argument(context, at))
            .find(|value| !matches!(value, Ok(Value::Null)))
            .unwrap_or(Ok(Value::Null))
    })?;
    add("nvl2", 3, pure, |context| {
        let empty = argument(context, 0)? == Value::Null;
        argument(context, if empty { 2 } else { 1 })
    })?;
    // What is no number is an error, as in Redshift.
    add("to_integer", 1, pure, |context| {
        match argument(context, 0)? {
            Value::Text(text) => match text.trim().parse() {
                Ok(number) => Ok(Value::Integer(number)),
                Err(_) => Err(Error::UserFunctionError(
                    format!("invalid input syntax for type integer: \"{text}\"").into(),
                )),
            },
            #[allow(
                clippy::cast_possible_truncation,
                reason = "it saturates, which is as good as any number"
            )]
            Value::Real(number) => Ok(Value::Integer(number.round() as i64)),
            value => Ok(value),
        }
    })?;
    add("len", 1, pure, |context| {
        Ok(text(context, 0)?.map_or(Value::Null, |text| {
            Value::Integer(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))
        }))
    })?;
    add("left", 2, pure, |context| {
        part(context, |length, count| (0, count.min(length)))
    })?;
    add("right", 2, pure, |context| {
        part(context, |length, count| {
            (length - count.min(length), length)
        })
    })
}

/// The time as Redshift's `getdate()` has it: UTC, whole seconds.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn stopped() -> Error {
    Error::UserFunctionError("the statement was cancelled".into())
}

fn value<'a>(context: &'a Context<'_>, at: usize) -> Result<ValueRef<'a>> {
    if at < context.len() {
        Ok(context.get_raw(at))
    } else {
        Err(Error::UserFunctionError(
            format!("argument {} is missing", at + 1).into(),
        ))
    }
}

fn argument(context: &Context<'_>, at: usize) -> Result<Value> {
    value(context, at)?
        .try_into()
        .map_err(|error: rusqlite::types::FromSqlError| {
            Error::UserFunctionError(error.to_string().into())
        })
}

/// A number, or a text that is one: parameters come as text.
fn number(context: &Context<'_>, at: usize) -> Result<f64> {
    let given = match value(context, at)? {
        ValueRef::Integer(n) => return Ok(n as f64),
        ValueRef::Real(x) => return Ok(x),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Blob(_) => "bytes".to_owned(),
    };
    given.trim().parse().map_err(|_| {
        Error::UserFunctionError(format!("invalid input syntax for a number: \"{given}\"").into())
    })
}

fn text(context: &Context<'_>, at: usize) -> Result<Option<String>> {
    Ok(match value(context, at)? {
        ValueRef::Null => None,
        ValueRef::Integer(n) => Some(n.to_string()),
        ValueRef::Real(x) => Some(x.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    })
}

/// The characters of the first argument between two places that follow from its length and the second argument.
fn part(
    context: &Context<'_>,
    between: fn(length: usize, count: usize) -> (usize, usize),
) -> Result<Value> {
    let Some(text) = text(context, 0)? else {
        return Ok(Value::Null);
    };
    // A negative count gives nothing, as does one that is no number of characters.
    let count = number(context, 1)?.max(0.0) as usize;
    let (from, to) = between(text.chars().count(), count);
    Ok(Value::Text(
        text.chars().skip(from).take(to - from).collect(),
    ))
}
