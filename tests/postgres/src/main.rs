//! Runs a command with the address of a PostgreSQL server in its environment, started for it unless
//! there is one.

use onething_test_postgres::{Postgres, SERVER};
use std::io::{Error, Result};
use std::process::{Command, ExitCode};

fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let usage = || Error::other("usage: onething-test-postgres COMMAND [ARGUMENT]...");
    let program = words.next().ok_or_else(usage)?;
    let postgres = Postgres::start()?;
    let mut command = Command::new(program);
    command.args(words).env(SERVER, postgres.url());
    let status = command.status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(u8::MAX)))
}
