//! The web server of a replica, as far as its settings go: `GET` and `POST
//! /api/v0/meta/settings`. They are a row of the database, so a backup holds them.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use serde_json::{Value, json};

use crate::Refusal;
use crate::http::{Head, answer};

/// The table that holds settings.
pub const TABLE: &str = "properties";
/// Key of the row that holds them.
const KEY: &str = "registry";
const FIELD: &str = "readOnlyRegistry";
const PATH: &str = "/api/v0/meta/settings";

/// Where a replica's settings are: the folders of two of its volumes.
#[derive(Debug)]
pub struct Settings {
    /// Certificate `cert.pem`, key `key.pem`, authority `ca.pem`, and `users.json`: password by user.
    pub certificates: PathBuf,
    /// Tables, one file each.
    pub tables: PathBuf,
    lock: Mutex<()>,
}

impl Settings {
    /// Of these folders.
    #[must_use]
    pub fn at(certificates: PathBuf, tables: PathBuf) -> Self {
        Self { certificates, tables, lock: Mutex::new(()) }
    }

    /// Serves for ever.
    ///
    /// # Errors
    ///
    /// Of what keeps it from starting.
    pub fn serve(self, address: &str) -> Result<(), Refusal> {
        let acceptor = self.acceptor().map_err(|error| format!("certificates: {error}"))?;
        let listener = TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
        let shared = Arc::new(self);
        for stream in listener.incoming().flatten() {
            let (acceptor, settings) = (acceptor.clone(), Arc::clone(&shared));
            // Who hangs up is no failure of the server.
            std::thread::spawn(move || settings.exchange(&acceptor, stream).ok());
        }
        Ok(())
    }

    fn acceptor(&self) -> Result<SslAcceptor, openssl::error::ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
        builder.set_certificate_chain_file(self.certificates.join("cert.pem"))?;
        builder.set_private_key_file(self.certificates.join("key.pem"), SslFiletype::PEM)?;
        Ok(builder.build())
    }

    fn exchange(&self, acceptor: &SslAcceptor, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(acceptor.accept(stream).map_err(io::Error::other)?);
        let head = Head::read(&mut stream)?;
        let mut body = Vec::new();
        head.body(&mut stream).read_to_end(&mut body)?;
        let out = stream.get_mut();
        if head.request() == "GET /ca" {
            return answer(out, 200, "text/plain", &fs::read(self.certificates.join("ca.pem"))?);
        }
        let (status, text) =
            if self.admits(&head)? { self.settle(&head, &body)? } else { (401, refusal("UNAUTHORIZED")) };
        answer(out, status, "application/json", text.to_string().as_bytes())?;
        let _ = stream.get_mut().shutdown();
        Ok(())
    }

    fn admits(&self, head: &Head) -> io::Result<bool> {
        let users: Value = serde_json::from_slice(&fs::read(self.certificates.join("users.json"))?)?;
        Ok(head.user_and_password().is_some_and(|(user, password)| users[&user] == json!(password)))
    }

    fn settle(&self, head: &Head, body: &[u8]) -> io::Result<(u16, Value)> {
        let _one = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if head.request() == format!("GET {PATH}") {
            return Ok((200, json!({FIELD: is_read_only(&self.tables)?})));
        }
        if head.request() != format!("POST {PATH}") {
            return Ok((404, refusal("NOT_FOUND")));
        }
        let asked = serde_json::from_slice(body).unwrap_or(Value::Null);
        match asked.as_object().map(|asked| (asked.len(), asked.get(FIELD))) {
            Some((1, Some(Value::Bool(on)))) => {
                set_read_only(&self.tables, *on)?;
                Ok((202, json!({FIELD: on})))
            }
            _ => Ok((400, refusal("INVALID_SETTINGS"))),
        }
    }
}

fn refusal(code: &str) -> Value {
    json!({"errors": [{"code": code}]})
}

/// Whether the tables of a folder say that the registry takes no pushes.
///
/// # Errors
///
/// When the table cannot be read.
pub fn is_read_only(tables: &Path) -> io::Result<bool> {
    let row = rows(tables)?.into_iter().find(|row| row["key"] == KEY);
    Ok(row.is_some_and(|row| row["value"][FIELD] == json!(true)))
}

fn set_read_only(tables: &Path, on: bool) -> io::Result<()> {
    let mut rows = rows(tables)?;
    rows.retain(|row| row["key"] != KEY);
    rows.push(json!({"key": KEY, "value": {FIELD: on}}));
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let (path, new) = (tables.join(TABLE), tables.join("properties.new"));
    File::create(&new)?.write_all(lines.as_bytes())?;
    fs::rename(new, path)
}

fn rows(tables: &Path) -> io::Result<Vec<Value>> {
    let text = fs::read_to_string(tables.join(TABLE))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}
