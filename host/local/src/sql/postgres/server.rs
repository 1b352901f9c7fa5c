//! The throwaway server, as the Data API uses it: who runs the SQL, and which databases are there.

use signalbox_postgres::{ADMIN, Installed, PORT, Server as Process};
use tokio_postgres::Config;

/// Who runs the SQL of the Data API, named as Redshift's first user usually is. The administrator does not: it could read
/// files and run programs.
const USER: &str = "awsuser";

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server(Process);

impl Server {
    /// Starts one of the installed programs; it may not take connections yet. It blocks the thread.
    pub(super) fn start() -> Result<Self, String> {
        let settings = [
            "shared_buffers=16MB",
            // Each session of the Data API holds a connection.
            "max_connections=200",
        ];
        Process::start(&Installed::find()?, &settings).map(Self)
    }

    /// Says why the server has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.0.ended()
    }

    /// How others on this machine reach a database, as the user whose SQL runs: for `psql`.
    pub(super) fn url(&self, database: &str) -> String {
        let folder = self.0.folder().display().to_string();
        format!(
            "postgres://{USER}@{}:{PORT}/{database}",
            folder.replace('%', "%25").replace('/', "%2F")
        )
    }

    /// How the administrator reaches a database.
    pub(super) fn admin(&self, database: &str) -> Config {
        self.config(ADMIN, database)
    }

    /// How the user whose SQL runs reaches a database.
    pub(super) fn user(&self, database: &str) -> Config {
        self.config(USER, database)
    }

    fn config(&self, user: &str, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(self.0.folder())
            .port(PORT)
            .user(user)
            .dbname(database);
        config
    }

    /// Makes the user. It may do nothing that reaches out of the cluster; who may make roles could (up to version
    /// 15) be given the right to run programs.
    pub(super) fn make_user() -> String {
        format!("create role {USER} login createdb")
    }

    /// Makes a database of the user's.
    pub(super) fn make_database(name: &str) -> String {
        format!(
            "create database \"{}\" owner {USER}",
            name.replace('"', "\"\"")
        )
    }

    /// The databases of the user's.
    pub(super) fn list_databases() -> String {
        format!(
            "select datname::text from pg_database where pg_get_userbyid(datdba) = '{USER}' order by 1"
        )
    }
}
