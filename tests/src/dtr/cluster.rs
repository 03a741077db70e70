//! The cluster (UCP) that a DTR belongs to: it knows the users, and does what commands ask for.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use dtrvault_dtr_stand_in::client::TELL_SECRETS;
use dtrvault_dtr_stand_in::http::{Head, answer};
use openssl::ssl::{SslAcceptor, SslMethod};
use serde_json::json;

use super::answers::Answers;
use super::ask::Ask;
use super::fault::Fault;
use super::replica::Replica;
use super::{Layout, Refused, backup, members, restore};
use crate::DockerEngine;
use crate::certificates::Authority;

/// What changes while it runs.
#[derive(Default)]
pub(super) struct State {
    /// Replicas that are installed, as far as the cluster knows.
    pub(super) members: Vec<String>,
    pub(super) fault: Option<Fault>,
    pub(super) tells_secrets: bool,
    pub(super) asked: Vec<Ask>,
}

/// What all its connections know.
pub(super) struct Shared {
    pub(super) engine: Arc<DockerEngine>,
    pub(super) image: String,
    /// Its authority's certificate, as PEM.
    pub(super) ca: String,
    /// Where replicas publish their web server when they are told no port: free, where 443 may not be.
    pub(super) https_port: u16,
    user: String,
    password: String,
    secrets_in_arguments: bool,
    state: Mutex<State>,
    ended: AtomicBool,
}

/// A running cluster; ended when dropped.
pub(super) struct Cluster {
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Serves where containers of the engine reach it.
    pub(super) fn start(engine: Arc<DockerEngine>, layout: &Layout, image: String) -> Self {
        let authority = Authority::new("UCP of a test");
        let identity = authority.server(&[engine.gateway(), Ipv4Addr::LOCALHOST]);
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        builder.set_certificate(&identity.certificate).unwrap();
        builder.set_private_key(&identity.key).unwrap();
        let acceptor = builder.build();
        let listener = TcpListener::bind((engine.gateway(), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let https_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            engine,
            image,
            ca: authority.pem(),
            https_port,
            user: layout.user.clone(),
            password: layout.password.clone(),
            secrets_in_arguments: layout.secrets_in_arguments,
            state: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.has_ended() {
                    break;
                }
                let (shared, acceptor) = (Arc::clone(&serving), acceptor.clone());
                // Who hangs up is no failure of the cluster.
                std::thread::spawn(move || shared.exchange(&acceptor, stream).ok());
            }
        });
        Self { shared, address, listening: Some(listening) }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.listening.take().map(JoinHandle::join);
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Starts a replica whose volumes are there, and takes it into the cluster.
    pub(super) fn install(&self, replica: &Replica, https_port: Option<u16>) {
        let folder = self.engine.volume(&replica.volume("ca"));
        let authority = Authority::new("DTR of a test");
        let identity = authority.server(&[self.engine.gateway(), Ipv4Addr::LOCALHOST]);
        identity.write(&folder.join("cert.pem"), &folder.join("key.pem"));
        fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.join("users.json"), json!({&self.user: self.password}).to_string()).unwrap();
        replica.create_containers(&self.engine, https_port.unwrap_or(self.https_port));
        self.state().members.push(replica.id.clone());
    }

    fn exchange(&self, acceptor: &SslAcceptor, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(acceptor.accept(stream).map_err(io::Error::other)?);
        let head = Head::read(&mut stream)?;
        let mut input = Vec::new();
        head.body(&mut stream).read_to_end(&mut input)?;
        let out = stream.get_mut();
        if head.request() == "GET /ca" {
            answer(out, 200, "application/x-pem-file", self.ca.as_bytes())?;
        } else if head.user_and_password() != Some((self.user.clone(), self.password.clone())) {
            answer(out, 401, "text/plain", b"unauthorized")?;
        } else if head.request() == "GET /login" {
            let tells = self.state().tells_secrets;
            let head = format!("HTTP/1.1 200 OK\r\n{TELL_SECRETS}: {tells}\r\nContent-Length: 0\r\n\r\n");
            out.write_all(head.as_bytes())?;
        } else {
            self.command(&head, &input, out)?;
        }
        let _ = out.shutdown();
        Ok(())
    }

    fn command(&self, head: &Head, input: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let mut answers = Answers::begin(out)?;
        let done = Ask::of(head).and_then(|ask| {
            self.state().asked.push(ask.clone());
            self.obey(&ask, input, &mut answers)
        });
        let code = done.or_else(|why| answers.tell("fatal", &why).map(|()| 1)).map_err(io::Error::other)?;
        answers.exit(code).map_err(io::Error::other)
    }

    fn obey(&self, ask: &Ask, input: &[u8], answers: &mut Answers<'_>) -> Refused<u8> {
        if ask.shows_secrets && !self.secrets_in_arguments {
            return Err("a secret is among the arguments, for all to see".to_owned());
        }
        match ask.command.as_str() {
            "backup" => backup::run(self, ask, answers),
            "restore" => restore::run(self, ask, input, answers),
            "destroy" => members::destroy(self, ask, answers),
            "join" => members::join(self, ask, answers),
            "remove" => members::remove(self, ask, answers),
            "emergency-repair" => members::emergency_repair(self, ask, answers),
            other => Err(format!("no command {other:?}")),
        }
    }
}
