//! A throwaway PostgreSQL: a new cluster in a temporary folder, reached by a socket in it, that ends with this process.
//!
//! The server is a child of a small shell script whose standard input is a pipe from this process. The pipe closes
//! when this process ends, in whatever way (SIGKILL too); the script then ends the server and removes the folder.
//! Were the script itself killed, a server whose folder is removed ends by itself within a minute.

mod installed;

pub use installed::Installed;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who may do everything in the cluster, and could read files and run programs. There is no other user at first.
pub const ADMIN: &str = "signalbox";
/// The port, which is a part of the socket's name only.
pub const PORT: u16 = 5432;
/// The longest path of a socket, on Linux (107) and macOS (103).
const SOCKET_BYTES: usize = 103;
/// Accounts that run the server where we are root, which it refuses to run as.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
/// How long the server may take to end; it is asked to end at once.
const END_WAIT: Duration = Duration::from_secs(10);

const SCRIPT: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
trap 'kill -QUIT "$server"' HUP INT TERM
( trap - HUP INT TERM; read -r _ <&3; kill -QUIT "$server" ) &
watcher=$!
wait "$server"
# A second time, since a signal ends the first wait.
wait "$server"
kill "$watcher" 2>/dev/null
cd / && rm -rf "$FOLDER"
"#;

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    script: Child,
    log: File,
}

impl Server {
    /// Makes a cluster and starts its server, with these settings (`name=value`) beside those that keep nothing. It may not
    /// take connections yet. It blocks the thread.
    ///
    /// # Errors
    /// What is missing or went wrong, and what to do about it.
    pub fn start(installed: &Installed, settings: &[&str]) -> Result<Self, String> {
        let folder = folder()?;
        let account = account(folder.path())?;
        let data = folder.path().join("data");
        let mut initdb = command(&installed.initdb, account);
        initdb.arg("-D").arg(&data).args([
            "-U",
            ADMIN,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "--wal-segsize=1",
        ]);
        let made = initdb
            .output()
            .map_err(|error| not_started(&installed.initdb, account, &error))?;
        if !made.status.success() {
            return Err(format!(
                "PostgreSQL's initdb failed in {}: {}",
                folder.path().display(),
                String::from_utf8_lossy(&made.stderr).trim()
            ));
        }
        let log = tempfile::tempfile().map_err(|error| format!("no temporary file: {error}"))?;
        let clone = || log.try_clone().map_err(|error| error.to_string());
        let mut script = command(Path::new("/bin/sh"), account);
        script
            .args(["-c", SCRIPT, "signalbox-postgres"])
            .arg(&installed.postgres)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(
                SETTINGS
                    .iter()
                    .chain(settings)
                    .flat_map(|setting| ["-c", setting]),
            )
            .env("FOLDER", folder.path())
            .stdin(Stdio::piped())
            .stdout(clone()?)
            .stderr(clone()?)
            // Ctrl-C at a terminal is for us; the script ends when we do.
            .process_group(0);
        let script = script
            .spawn()
            .map_err(|error| not_started(&installed.postgres, account, &error))?;
        Ok(Self {
            folder,
            script,
            log,
        })
    }

    /// Says why the server has ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.script.try_wait().ok().flatten()?;
        let mut text = String::new();
        // What cannot be read is not told.
        let _ = self.log.seek(SeekFrom::Start(0));
        let _ = self.log.read_to_string(&mut text);
        Some(format!(
            "PostgreSQL did not start ({status}): {}",
            text.trim()
        ))
    }

    /// The folder of the socket, by which clients connect.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closes the pipe: the script's sign to end.
        drop(self.script.stdin.take());
        let end = Instant::now() + END_WAIT;
        while Instant::now() < end {
            if !matches!(self.script.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        tracing::warn!(
            folder = %self.folder.path().display(),
            "PostgreSQL takes long to end; it is left to its script"
        );
    }
}

/// Nothing is to be kept, and nobody but us connects.
const SETTINGS: [&str; 12] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "jit=off",
    "timezone=UTC",
    "lc_messages=C",
    // SQL that fails is not an event of the server.
    "log_min_messages=fatal",
];

fn socket(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// A folder whose path is short enough for a socket in it.
fn folder() -> Result<TempDir, String> {
    let make = |place: &Path| {
        tempfile::Builder::new()
            .prefix("signalbox-postgres-")
            .tempdir_in(place)
            .map_err(|error| format!("no temporary folder in {}: {error}", place.display()))
    };
    let folder = make(&std::env::temp_dir())?;
    if socket(folder.path()).as_os_str().len() <= SOCKET_BYTES {
        return Ok(folder);
    }
    make(Path::new("/tmp"))
}

/// An account of the machine, by its numbers.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

/// The account that runs the server: our own, unless we are root. It is given the folder.
fn account(folder: &Path) -> Result<Option<Account>, String> {
    let ours = std::fs::metadata(folder).map_err(|error| error.to_string())?;
    if ours.uid() != 0 {
        return Ok(None);
    }
    let account = ACCOUNTS
        .iter()
        .find_map(|name| {
            Some(Account {
                user: number("-u", name)?,
                group: number("-g", name)?,
            })
        })
        .ok_or("PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it; start signalbox as another user")?;
    std::os::unix::fs::chown(folder, Some(account.user), Some(account.group)).map_err(|error| {
        format!(
            "PostgreSQL does not run as root, and its folder {} cannot be given to another account: {error}; start signalbox as another user",
            folder.display()
        )
    })?;
    Ok(Some(account))
}

/// The number of a user (`-u`) or of its group (`-g`).
fn number(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().parse().ok().filter(|number| *number != 0)
}

/// A program that runs as the account, and knows nothing of our environment (credentials, PGHOST and so on).
fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").stdin(Stdio::null());
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

fn not_started(program: &Path, account: Option<Account>, error: &std::io::Error) -> String {
    let as_whom = account.map_or(String::new(), |account| {
        format!(
            " as user {} (PostgreSQL refuses to run as root)",
            account.user
        )
    });
    format!("{} cannot be started{as_whom}: {error}", program.display())
}
