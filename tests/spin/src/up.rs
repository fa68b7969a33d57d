//! `spin up`, where there is a `spin`.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Spin may take to compile the apps and answer.
const START_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running `spin up`, killed with this value.
pub struct Spin(Child);

impl Spin {
    /// On a free port; `None` where there is no `spin`.
    #[expect(clippy::print_stderr, reason = "a test says what it runs on")]
    pub fn start(project: &Path) -> Result<Option<(Self, SocketAddr)>> {
        let version = Command::new("spin").arg("--version").output();
        let Ok(version) = version else {
            eprintln!("there is no `spin` here: Spin itself is not run");
            return Ok(None);
        };
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let spin = Command::new("spin")
            .args(["up", "--quiet", "--listen", &address.to_string()])
            .current_dir(project)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut spin = Self(spin);
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        eprintln!("served by {version} on {address}");
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = spin.0.try_wait()? {
                return Err(Error::other(format!("`spin up` ended with {status}")));
            }
            if start.elapsed() > START_MAX {
                return Err(Error::other("`spin up` does not listen"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(Some((spin, address)))
    }
}

impl Drop for Spin {
    fn drop(&mut self) {
        // It has ended, or it does now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
