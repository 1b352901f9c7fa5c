//! Kinds of statements.

/// Declares the kinds with their names in settings.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// What a statement does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[doc = $doc])+ $kind,)+ }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)+];

            /// Its name in settings.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)+ }
            }

            /// The kind of this name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Kind> {
                match name { $($name => Some(Kind::$kind),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// SELECT, VALUES.
    Select = "select",
    /// INSERT.
    Insert = "insert",
    /// UPDATE.
    Update = "update",
    /// DELETE.
    Delete = "delete",
    /// MERGE.
    Merge = "merge",
    /// TRUNCATE, which commits at once in Redshift.
    Truncate = "truncate",
    /// COPY, from files into a table.
    Copy = "copy",
    /// UNLOAD, from a query into files.
    Unload = "unload",
    /// CALL of a procedure. What it touches is not to be seen.
    Call = "call",
    /// EXPLAIN, which runs nothing.
    Explain = "explain",
    /// CREATE TABLE, also AS SELECT, and SELECT INTO.
    CreateTable = "create-table",
    /// CREATE EXTERNAL TABLE.
    CreateExternalTable = "create-external-table",
    /// CREATE VIEW and CREATE MATERIALIZED VIEW.
    CreateView = "create-view",
    /// CREATE SCHEMA.
    CreateSchema = "create-schema",
    /// CREATE EXTERNAL SCHEMA.
    CreateExternalSchema = "create-external-schema",
    /// CREATE DATABASE.
    CreateDatabase = "create-database",
    /// CREATE PROCEDURE.
    CreateProcedure = "create-procedure",
    /// CREATE FUNCTION, also EXTERNAL.
    CreateFunction = "create-function",
    /// CREATE USER, GROUP, ROLE or IDENTITY PROVIDER.
    CreateUser = "create-user",
    /// CREATE of anything else.
    CreateOther = "create-other",
    /// ALTER TABLE, but not APPEND.
    AlterTable = "alter-table",
    /// ALTER TABLE APPEND, which empties its source.
    AlterTableAppend = "alter-table-append",
    /// ALTER USER, GROUP, ROLE or IDENTITY PROVIDER.
    AlterUser = "alter-user",
    /// ALTER of anything else.
    AlterOther = "alter-other",
    /// DROP TABLE.
    DropTable = "drop-table",
    /// DROP VIEW and DROP MATERIALIZED VIEW.
    DropView = "drop-view",
    /// DROP SCHEMA.
    DropSchema = "drop-schema",
    /// DROP DATABASE.
    DropDatabase = "drop-database",
    /// DROP PROCEDURE.
    DropProcedure = "drop-procedure",
    /// DROP FUNCTION.
    DropFunction = "drop-function",
    /// DROP USER, GROUP, ROLE or IDENTITY PROVIDER.
    DropUser = "drop-user",
    /// DROP of anything else.
    DropOther = "drop-other",
    /// GRANT.
    Grant = "grant",
    /// REVOKE.
    Revoke = "revoke",
    /// ATTACH RLS POLICY and ATTACH MASKING POLICY.
    AttachPolicy = "attach-policy",
    /// DETACH RLS POLICY and DETACH MASKING POLICY.
    DetachPolicy = "detach-policy",
    /// VACUUM.
    Vacuum = "vacuum",
    /// ANALYZE.
    Analyze = "analyze",
    /// REFRESH MATERIALIZED VIEW.
    Refresh = "refresh",
    /// COMMENT.
    Comment = "comment",
    /// LOCK.
    Lock = "lock",
    /// SET, RESET, USE: settings of the session, the search path among them.
    Set = "set",
    /// SHOW, DESC.
    Show = "show",
    /// BEGIN, COMMIT, ROLLBACK and their kin.
    Transaction = "transaction",
    /// DECLARE, FETCH, CLOSE of a cursor.
    Cursor = "cursor",
    /// PREPARE, EXECUTE, DEALLOCATE.
    Prepared = "prepared",
    /// CANCEL of a session.
    Cancel = "cancel",
    /// A statement that parses and is none of these.
    Other = "other",
}
