//! What a text of SQL is and what it touches.
//!
//! Texts are read by a tokenizer of our own. Statements that are a few words and names are recognised by
//! these; statements with queries are parsed with `sqlparser`, if they are not too deep for it.

mod cursor;
mod deep;
mod depth;
mod kind;
mod name;
mod parsed;
mod recognise;
mod recognise_ddl;
mod scope;
mod stack;
mod statement;
mod text;
mod token;
mod wrapper;

pub use deep::deep_sql_cases;
pub use kind::Kind;
pub use name::TableName;
pub use statement::{Statement, Unparsed, classify};
pub use text::{MAX_SQL_BYTES, count_statements, has_text_literal, leading_word, placeholders};

#[cfg(test)]
mod tests;
