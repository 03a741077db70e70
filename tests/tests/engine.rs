//! The tests' own Docker Engine: it runs, it is reached both ways, and it leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_tests::{DockerEngine, with_engine};

#[test]
fn it_answers_at_its_socket_and_with_a_certificate_at_its_port() {
    with_engine("it_answers_at_its_socket_and_with_a_certificate_at_its_port", |engine| {
        engine.docker(&["volume", "create", "some"]);
        assert!(engine.volume("some").is_dir());
        let (host, folder) = (engine.tcp_host(), engine.certificates());
        let at_port = ["--host", &host, "version", "--format", "{{.Server.Version}}"];
        engine.try_docker(&at_port).exits(1);
        let with = ["--tlsverify", "--tlscacert", "ca.pem", "--tlscert", "cert.pem", "--tlskey", "key.pem"];
        let mut args: Vec<String> = with.iter().map(|arg| (*arg).to_owned()).collect();
        for place in [2, 4, 6] {
            args[place] = folder.join(&args[place]).display().to_string();
        }
        args.extend(at_port.map(str::to_owned));
        assert_eq!(engine.docker(&args), engine.docker(&at_port[2..]));
    });
}

#[test]
fn it_leaves_nothing_also_after_a_panic() {
    with_engine("it_leaves_nothing_also_after_a_panic", |_| {
        let (send, receive) = std::sync::mpsc::channel();
        let test = std::thread::spawn(move || {
            let engine = DockerEngine::start();
            engine.import("empty:1", &[0; 1024], &[]);
            engine.docker(&["network", "create", "some"]);
            send.send((engine.socket(), engine.gateway())).unwrap();
            panic!("as a test that fails");
        });
        assert!(test.join().is_err());
        let (socket, gateway) = receive.recv().unwrap();
        assert!(!socket.parent().unwrap().exists());
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(socket.parent().unwrap().to_str().unwrap()));
        let addresses = std::fs::read_to_string("/proc/net/fib_trie").unwrap();
        assert!(!addresses.contains(&gateway.to_string()), "the bridge is still there");
    });
}
