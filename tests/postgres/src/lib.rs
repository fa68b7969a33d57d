//! A PostgreSQL server for tests, in a temporary folder on a free port, without `fsync` unless it is
//! asked for. It knows nothing of the store: it hands out addresses of empty databases.
//!
//! One server serves a whole run of tests where [`SERVER`] has its address; `scripts/with-postgres`
//! starts one and runs a command with it.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The variable with the address of a server to use: `postgres://user@host:port/postgres`.
pub const SERVER: &str = "ONETHING_TEST_POSTGRES";
/// How long a server may take to answer.
const START_MAX: Duration = Duration::from_secs(60);

/// A server that databases are made on. One of our own ends with this value.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    /// Of its maintenance database.
    url: String,
    own: Option<Server>,
}

/// A server of our own.
#[derive(Debug)]
struct Server {
    folder: TempDir,
    port: u16,
    user: Option<User>,
    durable: bool,
    running: Option<Child>,
}

/// Whom the server runs as where we are root, which it refuses.
#[derive(Debug, Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl Postgres {
    /// The server of [`SERVER`], or one of our own.
    ///
    /// # Errors
    /// In one line what to do where PostgreSQL is not installed; else why it does not start.
    pub fn start() -> Result<Postgres> {
        match std::env::var(SERVER) {
            Ok(url) => Ok(Postgres {
                binaries: binaries()?,
                url,
                own: None,
            }),
            Err(_) => Postgres::start_own(),
        }
    }

    /// A server of our own, to be stopped and killed.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_own() -> Result<Postgres> {
        Postgres::start_with(false)
    }

    /// A server of our own that keeps what it says it keeps, at the price of the disk: for benches.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_durable() -> Result<Postgres> {
        Postgres::start_with(true)
    }

    fn start_with(durable: bool) -> Result<Postgres> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir()?;
        let user = other_user(folder.path())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let mut server = Server {
            folder,
            port,
            user,
            durable,
            running: None,
        };
        server.make(&binaries)?;
        server.run(&binaries)?;
        Ok(Postgres {
            binaries,
            url: format!("postgres://onething@127.0.0.1:{port}/postgres"),
            own: Some(server),
        })
    }

    /// The address of the server's maintenance database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The id of our own server's first process, while it runs.
    pub fn process(&self) -> Option<u32> {
        Some(self.own.as_ref()?.running.as_ref()?.id())
    }

    /// Makes an empty database and answers its address.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn database(&self) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{count}_{}", std::process::id(), nanoseconds());
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["--quiet", "--no-psqlrc", "--dbname", &self.url, "--command"]);
        finish(psql.arg(format!("CREATE DATABASE {name}")))?;
        let (server, _) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        Ok(format!("{server}/{name}"))
    }

    /// Stops our own server as an administrator would; connections are closed.
    ///
    /// # Errors
    /// Where it is not our own, or does not stop.
    pub fn stop(&mut self) -> Result<()> {
        let binaries = self.binaries.clone();
        self.server()?.stop(&binaries, "fast")
    }

    /// Kills our own server, as a power cut would.
    ///
    /// # Errors
    /// Where it is not our own.
    pub fn kill(&mut self) -> Result<()> {
        let server = self.server()?;
        if let Some(mut running) = server.running.take() {
            running.kill()?;
            running.wait()?;
        }
        Ok(())
    }

    /// Starts our own server once more, with what it had.
    ///
    /// # Errors
    /// Where it is not our own, or does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let binaries = self.binaries.clone();
        self.server()?.run(&binaries)
    }

    fn server(&mut self) -> Result<&mut Server> {
        let shared = || Error::other(format!("the server of {SERVER} is shared by all tests"));
        self.own.as_mut().ok_or_else(shared)
    }
}

impl Server {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, binaries: &Path, name: &str) -> Command {
        let mut command = Command::new(binaries.join(name));
        command.current_dir(self.folder.path());
        if let Some(User { id, group }) = self.user {
            command.uid(id).gid(group);
        }
        command
    }

    fn make(&self, binaries: &Path) -> Result<()> {
        let mut initdb = self.command(binaries, "initdb");
        initdb.args(["--no-sync", "--no-locale", "--encoding=UTF8"]);
        initdb.args(["--auth=trust", "--username=onething", "--pgdata"]);
        finish(initdb.arg(self.data()))
    }

    /// Starts the server and waits until it answers. One that was killed has children that still hold
    /// its memory for a moment: then it is started again.
    fn run(&mut self, binaries: &Path) -> Result<()> {
        let started = Instant::now();
        while self.running.is_none() {
            let mut child = self.spawn(binaries)?;
            if self.answers(binaries, &mut child, started)? {
                self.running = Some(child);
            }
        }
        Ok(())
    }

    fn spawn(&self, binaries: &Path) -> Result<Child> {
        let log = std::fs::File::create(self.folder.path().join("log"))?;
        let mut postgres = self.command(binaries, "postgres");
        let port = self.port.to_string();
        postgres.args(["-h", "127.0.0.1", "-p", &port, "-k", ""]);
        let careless: &[&str] = match self.durable {
            true => &[],
            false => &["fsync=off", "full_page_writes=off"],
        };
        for setting in careless.iter().chain(&["max_connections=200"]) {
            postgres.args(["-c", setting]);
        }
        postgres.arg("-D").arg(self.data());
        postgres.stdin(Stdio::null()).stdout(Stdio::null());
        postgres.stderr(log).spawn()
    }

    fn answers(&self, binaries: &Path, child: &mut Child, started: Instant) -> Result<bool> {
        let port = self.port.to_string();
        loop {
            if started.elapsed() > START_MAX {
                child.kill()?;
                child.wait()?;
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                let log = log.unwrap_or_default();
                return Err(Error::other(format!("PostgreSQL does not start: {log}")));
            }
            if child.try_wait()?.is_some() {
                std::thread::sleep(Duration::from_millis(100));
                return Ok(false);
            }
            let mut ready = Command::new(binaries.join("pg_isready"));
            ready.args(["--quiet", "--host=127.0.0.1", "--port", &port]);
            if ready.status()?.success() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self, binaries: &Path, mode: &str) -> Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let mut stop = self.command(binaries, "pg_ctl");
        stop.args(["stop", "--silent", "--mode", mode, "--pgdata"]);
        finish(stop.arg(self.data()))?;
        running.wait()?;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = &mut self.own {
            // Its folder goes with it; there is nobody left to tell.
            let _ = server.stop(&self.binaries, "immediate");
        }
    }
}

/// Where Debian has the newest PostgreSQL.
fn binaries() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let version = |entry: std::fs::DirEntry| -> Option<(u32, PathBuf)> {
        let version = entry.file_name().to_str()?.parse().ok()?;
        let binaries = entry.path().join("bin");
        binaries
            .join("initdb")
            .exists()
            .then_some((version, binaries))
    };
    let newest = versions.flatten().filter_map(version).max();
    let missing = || Error::other("PostgreSQL is not installed: apt-get install postgresql");
    newest.map(|(_, binaries)| binaries).ok_or_else(missing)
}

/// Whom the server runs as, where not as ourselves; the folder is theirs.
fn other_user(folder: &Path) -> Result<Option<User>> {
    const ROOT: u32 = 0;
    if std::fs::metadata("/proc/self")?.uid() != ROOT {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2);
        Some(User {
            id: ids.next()?.parse().ok()?,
            group: ids.next()?.parse().ok()?,
        })
    };
    let missing = || Error::other("there is no user postgres or nobody to run PostgreSQL as");
    let user = find("postgres")
        .or_else(|| find("nobody"))
        .ok_or_else(missing)?;
    chown(folder, Some(user.id), Some(user.group))?;
    Ok(Some(user))
}

fn finish(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let program = command.get_program().to_string_lossy();
    Err(Error::other(format!("{program} failed: {said}")))
}

/// A name that an earlier run did not take.
fn nanoseconds() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos())
}
