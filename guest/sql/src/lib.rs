//! What a text of Redshift SQL is and what it touches.
//!
//! Everything here reads SQL with the one [`lexer`], the masking of [`secrets`] too. [`classify`] says what a statement is and
//! which tables, schemas and functions it names, by two accounts: a grammar that says of each word what it is, and a second
//! opinion that knows only the tokens. A statement is complete where both agree. A text with two readings is never
//! understood.

mod account;
mod deep;
mod facts;
mod functions;
mod grammar;
mod kind;
pub mod lexer;
mod name;
mod second;
pub mod secrets;
mod source;
mod stamp;
mod statement;
mod structure;
mod text;

pub use deep::deep_sql_cases;
pub use kind::Kind;
pub use name::TableName;
pub use stamp::{stamp, without_stamp};
pub use statement::{Statement, Unparsed, classify, classify_names, read_alike};
pub use structure::{Places, Seen, Structure, is_option, option_names};
pub use text::{MAX_SQL_BYTES, count_statements, has_text_literal, leading_word, placeholders};

#[cfg(test)]
mod tests;
