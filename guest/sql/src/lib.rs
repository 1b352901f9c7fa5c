//! What a text of Redshift SQL is and what it touches.
//!
//! Everything here reads SQL with the one [`lexer`], the masking of [`secrets`] too. Statements that are a few words and names are recognised by
//! these; statements with queries are parsed with `sqlparser`, if they are not too deep for it.

mod cursor;
mod deep;
mod depth;
mod kind;
pub mod lexer;
mod name;
mod parsed;
mod recognise;
mod recognise_ddl;
mod scope;
pub mod secrets;
mod stack;
mod statement;
mod text;
mod wrapper;

pub use deep::deep_sql_cases;
pub use kind::Kind;
pub use name::TableName;
pub use statement::{Statement, Unparsed, classify};
pub use text::{MAX_SQL_BYTES, count_statements, has_text_literal, leading_word, placeholders};

#[cfg(test)]
mod tests;
