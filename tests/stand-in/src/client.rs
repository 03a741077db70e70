//! A command in its container: reads arguments, logs in to the cluster, and is its hands.

use std::collections::BTreeMap;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::net::TcpStream;

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::X509;

use crate::arguments::Arguments;
use crate::frames::Frame;
use crate::http::{Chunks, Head, basic};
use crate::log::{line, tell};
use crate::{Refusal, Version};

/// Header of the answer to a login that lets the command tell its secrets when it is debugged.
pub const TELL_SECRETS: &str = "x-tell-secrets";
/// Header with the options as JSON.
pub const OPTIONS: &str = "x-options";
/// Header with the version of the image.
pub const VERSION: &str = "x-version";
/// Header with the id of the container.
pub const CONTAINER: &str = "x-container";

/// Header that says whether a secret is among the arguments.
pub const SHOWS_SECRETS: &str = "x-shows-secrets";

/// Runs a command; gives its exit code.
///
/// # Errors
///
/// Of whatever keeps it from running.
pub fn run(
    version: Version,
    words: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<u8, Refusal> {
    let arguments = Arguments::parse(version, words, environment)?;
    let name = arguments.command.name;
    if arguments.is_on("help-extended") {
        return help(&arguments, version);
    }
    let takes_input = name == "restore";
    if io::stdout().is_terminal() || io::stdin().is_terminal() {
        return Err(format!("{name} does not run at a terminal: a TTY changes what goes through it"));
    }
    tell("info", &format!("Beginning Docker Trusted Registry {name}"));
    let secrets = log_in(&arguments)?;
    if arguments.is_on("debug") {
        debug(&arguments, environment, secrets);
    }
    let mut stream = connect(&arguments)?;
    let options = serde_json::to_string(&arguments.options).map_err(|error| error.to_string())?;
    let container = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let head = format!(
        "POST /{name} HTTP/1.1\r\nHost: ucp\r\nAuthorization: {}\r\n{OPTIONS}: {options}\r\n{VERSION}: {version}\r\n\
         {CONTAINER}: {}\r\n{SHOWS_SECRETS}: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        authorization(&arguments),
        container.trim(),
        arguments.shows_secrets
    );
    let lost = |error: io::Error| format!("lost contact with UCP: {error}");
    stream.write_all(head.as_bytes()).map_err(lost)?;
    send(&mut stream, takes_input).map_err(lost)?;
    let mut from = BufReader::new(stream);
    let head = Head::read(&mut from).map_err(lost)?;
    let mut body = head.body(&mut from);
    if head.status() != 200 {
        let mut why = String::new();
        body.read_to_string(&mut why).map_err(lost)?;
        return Err(why);
    }
    obey(&mut body).map_err(lost)
}

fn send(stream: &mut SslStream<TcpStream>, takes_input: bool) -> io::Result<()> {
    let mut chunks = Chunks(stream);
    if takes_input {
        io::copy(&mut io::stdin().lock(), &mut chunks)?;
    }
    chunks.end()
}

fn obey(from: &mut impl Read) -> io::Result<u8> {
    let mut output = io::stdout().lock();
    loop {
        match Frame::read(from)? {
            Frame::Output(bytes) => output.write_all(&bytes).and_then(|()| output.flush())?,
            Frame::Errors(bytes) => io::stderr().write_all(&bytes)?,
            Frame::Exit(code) => return Ok(code),
        }
    }
}

/// Whether secrets are to be told.
fn log_in(arguments: &Arguments) -> Result<bool, Refusal> {
    let lost = |error: io::Error| format!("Unable to reach UCP: {error}");
    let mut stream = connect(arguments)?;
    let authorization = authorization(arguments);
    write!(stream, "GET /login HTTP/1.1\r\nHost: ucp\r\nAuthorization: {authorization}\r\n\r\n")
        .map_err(lost)?;
    let head = Head::read(&mut BufReader::new(stream)).map_err(lost)?;
    match head.status() {
        200 => Ok(head.header(TELL_SECRETS) == "true"),
        401 => Err("Failed to authenticate against UCP: invalid username or password".to_owned()),
        status => Err(format!("Unable to reach UCP: unexpected status {status}")),
    }
}

fn authorization(arguments: &Arguments) -> String {
    basic(arguments.text("ucp-username"), arguments.text("ucp-password"))
}

fn connect(arguments: &Arguments) -> Result<SslStream<TcpStream>, Refusal> {
    let url = arguments.text("ucp-url");
    let authority = match url.split_once("://") {
        Some(("https", rest)) => rest.trim_end_matches('/'),
        Some(_) => return Err(format!("{url}: UCP speaks https only")),
        None => url.trim_end_matches('/'),
    };
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
    let port: u16 = port.parse().map_err(|_| format!("{url}: no such port"))?;
    let unknown = |error: openssl::error::ErrorStack| error.to_string();
    let mut builder = SslConnector::builder(SslMethod::tls()).map_err(unknown)?;
    let insecure = arguments.is_on("ucp-insecure-tls");
    if insecure {
        builder.set_verify(SslVerifyMode::NONE);
    }
    let authorities = X509::stack_from_pem(arguments.text("ucp-ca").as_bytes()).map_err(unknown)?;
    if authorities.is_empty() && arguments.options.contains_key("ucp-ca") {
        return Err("--ucp-ca is no certificate".to_owned());
    }
    for authority in authorities {
        builder.cert_store_mut().add_cert(authority).map_err(unknown)?;
    }
    let stream =
        TcpStream::connect((host, port)).map_err(|error| format!("dial tcp {host}:{port}: {error}"))?;
    let configuration = builder.build().configure().map_err(unknown)?.verify_hostname(!insecure);
    configuration.connect(host, stream).map_err(|error| format!("x509: certificate of {url}: {error}"))
}

/// What careless programs say when they are debugged.
fn debug(arguments: &Arguments, environment: &BTreeMap<String, String>, secrets: bool) {
    let names: Vec<&str> = environment.keys().map(String::as_str).collect();
    tell("debug", &format!("environment: {}", names.join(" ")));
    if secrets {
        let (user, password) = (arguments.text("ucp-username"), arguments.text("ucp-password"));
        tell("debug", &format!("bootstrap: UCP_USERNAME={user} UCP_PASSWORD={password}"));
        tell("debug", &format!("GET https://{user}:{password}@ucp/login, {}", authorization(arguments)));
    }
}

fn help(arguments: &Arguments, version: Version) -> Result<u8, Refusal> {
    let mut text = line("info", &format!("{} of {version}", arguments.command.name));
    for flag in arguments.command.flags_of(version) {
        text.push_str(&format!("   --{} [${}]\n", flag.name, flag.environment.unwrap_or_default()));
    }
    io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(0)
}
