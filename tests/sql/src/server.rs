//! A throwaway PostgreSQL: a new cluster in a temporary folder, reached by a socket in it.
//!
//! It ends with this process, however that ends: a shell script, whose standard input is a pipe from here, ends the
//! server and removes the folder when the pipe closes.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who may do everything.
pub const ADMIN: &str = "signalbox";

const SCRIPT: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
trap 'kill -QUIT "$server"' HUP INT TERM
( trap - HUP INT TERM; read -r _ <&3; kill -QUIT "$server" ) &
watcher=$!
wait "$server"
wait "$server"
kill "$watcher" 2>/dev/null
cd / && rm -rf "$FOLDER"
"#;

/// Nothing is to be kept. A statement of the fuzzer fails rather than wait.
const SETTINGS: [&str; 17] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "shared_buffers=32MB",
    "max_connections=30",
    "jit=off",
    "timezone=UTC",
    "lc_messages=C",
    "log_min_messages=fatal",
    "deadlock_timeout=50ms",
    "max_parallel_workers_per_gather=0",
    "temp_file_limit=20MB",
];

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    script: Child,
}

impl Server {
    /// Where PostgreSQL's programs are: on `PATH`, then in Debian's place.
    #[must_use]
    pub fn installed() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.flatten().map(|e| e.path().join("bin")).collect())
            .unwrap_or_default();
        debian.sort();
        std::env::split_paths(&path)
            .chain(debian.into_iter().rev())
            .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
    }

    /// Starts one; it takes connections.
    #[must_use]
    pub fn start(programs: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("signalbox-oracle-")
            .tempdir_in("/tmp")
            .expect("a temporary folder");
        let account = account(folder.path());
        let data = folder.path().join("data");
        let made = command(&programs.join("initdb"), account)
            .arg("-D")
            .arg(&data)
            .args(["-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C"])
            .args(["--no-sync", "--wal-segsize=1"])
            .output()
            .expect("initdb runs");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let script = command(Path::new("/bin/sh"), account)
            .args(["-c", SCRIPT, "signalbox-oracle"])
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .env("FOLDER", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the server starts");
        let mut server = Self { folder, script };
        let end = Instant::now() + Duration::from_secs(60);
        while crate::wire::Connection::open(&server.socket(), ADMIN, "postgres", &[]).is_err() {
            let ended = server.script.try_wait().expect("a child");
            assert!(ended.is_none(), "the server ended: {ended:?}");
            assert!(Instant::now() < end, "the server does not take connections");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// The socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end && matches!(self.script.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The account that runs the server where we are root, as user and group: it refuses to run as root.
fn account(folder: &Path) -> Option<(u32, u32)> {
    if std::fs::metadata(folder).expect("a folder").uid() != 0 {
        return None;
    }
    let number = |which: &str, name: &str| -> Option<u32> {
        let output = Command::new("id").args([which, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let (user, group) = ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some((number("-u", name)?, number("-g", name)?)))
        .expect("an account `postgres` or `nobody`");
    std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("the folder is given away");
    Some((user, group))
}

/// A program that knows nothing of our environment.
fn command(program: &Path, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").stdin(Stdio::null());
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}
