//! A real registry on a free port of the loopback.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::skopeo;
use crate::oci::OciLayout;

/// Longest time a registry may take to answer.
const START_TIME: Duration = Duration::from_secs(30);

/// A running `docker-registry`; ended when dropped.
pub struct RegistryServer {
    child: Child,
    address: String,
    config: PathBuf,
}

impl RegistryServer {
    /// Serves a storage root, read-only or not.
    ///
    /// # Panics
    ///
    /// When `docker-registry` is not there or does not start.
    pub fn start(root: &Path, read_only: bool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = root.with_extension(format!("{port}.yml"));
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage:\n  filesystem: {{rootdirectory: '{}'}}\n  delete: {{enabled: true}}\n  \
             maintenance: {{readonly: {{enabled: {read_only}}}}}\n\
             http: {{addr: '{address}'}}\n",
            root.display()
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry; `make packages` installs it");
        let server = Self { child, address, config };
        let begun = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            assert!(begun.elapsed() < START_TIME, "docker-registry is mute");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// `docker://…` of an image.
    pub fn image(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address)
    }

    /// Pushes an image of a layout with all its platforms; its layers are compressed on the way
    /// when they are plain.
    pub fn push(&self, layout: &OciLayout, tag: &str, name: &str) {
        skopeo(&[
            "copy",
            "--quiet",
            "--all",
            "--dest-tls-verify=false",
            &format!("oci:{}:{tag}", layout.path().display()),
            &self.image(name),
        ]);
    }

    /// Pulls an image with all its platforms, every blob checked by the client.
    pub fn pull(&self, name: &str, folder: &Path) {
        skopeo(&[
            "copy",
            "--quiet",
            "--all",
            "--src-tls-verify=false",
            &self.image(name),
            &format!("dir:{}", folder.display()),
        ]);
    }

    /// The very bytes of a manifest.
    pub fn manifest(&self, name: &str) -> Vec<u8> {
        skopeo(&["inspect", "--raw", "--tls-verify=false", &self.image(name)])
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}
