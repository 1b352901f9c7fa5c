//! Sessions in the ledger.

use super::Store;
use crate::{
    ports::{Expect, LedgerError, Write},
    record::{
        Record,
        session::{self, Session},
    },
};

impl Store {
    /// Reads a session by its id.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, LedgerError> {
        let key = session::session_key(id);
        let item = self.get(&key).await?;
        Ok(item.as_ref().and_then(session::read))
    }
}

/// The write by which a record's statement is the one that a session runs, if no other took it since it was read.
pub(super) fn take(record: &Record, session: &Session) -> Option<Write> {
    let item = session::session_item(record, session.revision + 1)?;
    Some(Write::Put {
        item,
        expect: Expect::Revision(session.revision),
    })
}
