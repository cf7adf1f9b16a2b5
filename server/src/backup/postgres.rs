//! PostgreSQL's part of a backup: one `pg_dump` of all modules' schemas at the exported snapshot, and its way back.

use std::{path::Path, process::Stdio};

use tessera_store::Snapshot;
use tokio::process::Command;

use crate::error::CommandError;

/// The dump's file.
pub(crate) const FILE: &str = "postgres.dump";

/// Writes all schemas of `snapshot` into `folder`; answers the file's name.
pub(crate) async fn dump(url: &str, snapshot: &Snapshot, folder: &Path) -> Result<Vec<String>, CommandError> {
    let Some(exported) = snapshot.exported() else { return Ok(vec![]) };
    let mut command = command("pg_dump", url)?;
    command.args(["--format=custom", "--no-owner", "--snapshot", exported]);
    command.args(snapshot.modules().iter().map(|schema| format!("--schema={schema}")));
    command.arg("--file").arg(folder.join(FILE));
    run(command, "pg_dump").await?;
    Ok(vec![FILE.into()])
}

/// Brings back what [`dump`] wrote, all of it or nothing. The roles are there, the schemas are not.
pub(crate) async fn restore(url: &str, folder: &Path) -> Result<(), CommandError> {
    let mut command = command("pg_restore", url)?;
    command.args(["--no-owner", "--exit-on-error", "--single-transaction"]).arg(folder.join(FILE));
    run(command, "pg_restore").await
}

/// A client program, told where to connect; the password goes through the environment, which others cannot read.
fn command(program: &str, url: &str) -> Result<Command, CommandError> {
    let mut address = reqwest::Url::parse(url)
        .map_err(|_| CommandError::new("the PostgreSQL address is not a URL such as postgres://user@host/database"))?;
    let mut command = Command::new(program);
    if let Some(password) = address.password().map(decoded) {
        let _ = address.set_password(None); // it has a host, so it can
        command.env("PGPASSWORD", password);
    }
    command.arg("--no-password").arg("--dbname").arg(address.as_str());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// A part of a URL without its escapes.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn run(mut command: Command, program: &str) -> Result<(), CommandError> {
    let started = command.spawn().map_err(|e| {
        let doing = format!("starting {program} (install it with: apt-get install postgresql-client)");
        CommandError::caused(doing, e)
    })?;
    let ended =
        started.wait_with_output().await.map_err(|e| CommandError::caused(format!("waiting for {program}"), e))?;
    match ended.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            Err(CommandError::new(format!("{program} ended with {}: {said}", ended.status)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_password_comes_out_of_its_url_as_it_was() {
        for (url, expected) in [("plain", "plain"), ("p%40ss%2Fword", "p@ss/word"), ("50%", "50%"), ("%zz", "%zz")] {
            assert_eq!(decoded(url), expected);
        }
    }
}
