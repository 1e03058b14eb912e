//! Strangers get nothing from a pool.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use libtest_mimic::Trial;
use procpool::{BrokenCause, Error, ProcessPoolExecutor};
use procpool_hosts::{Launcher, OnHosts, shell};

use crate::ends::{VICTIM, be_victim};
use crate::{HANG, descriptors, trial, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("garbage_connections_change_no_result", garbage_connections_change_no_result),
        trial("a_half_open_connection_is_closed", a_half_open_connection_is_closed),
        trial(
            "a_relay_with_another_secret_is_not_a_host",
            a_relay_with_another_secret_is_not_a_host,
        ),
        trial("a_replayed_handshake_is_not_a_host", a_replayed_handshake_is_not_a_host),
        trial("another_build_is_refused_and_named", another_build_is_refused_and_named),
        trial("the_secret_is_in_no_argument", the_secret_is_in_no_argument),
    ]
}

/// Runs another role of this program, if it was started for a test.
pub(crate) fn serve_if_asked_to() {
    if std::env::args().nth(1).as_deref() == Some(VICTIM) {
        be_victim(std::env::args().nth(2).as_deref());
    }
}

/// One worker. Before that the shell writes the address to a file.
fn with_address(folder: &tempfile::TempDir, then: &str) -> Launcher {
    let path = folder.path().join("address");
    let (part, path) = (path.with_extension("part"), path.display());
    let part = part.display();
    let line = format!("echo $PROCPOOL_HOSTS_ADDRESS > '{part}'; mv '{part}' '{path}'; {then}");
    shell(&line).workers(1)
}

fn address(folder: &tempfile::TempDir) -> SocketAddr {
    let path = folder.path().join("address");
    until("the address is known", || path.exists());
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

fn garbage_connections_change_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let launcher = with_address(&folder, "{relay}");
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    assert_eq!(executor.submit(|x: u32| x, 1).result(), Ok(1));
    let address = address(&folder);
    let before = descriptors();
    let map = executor.map(|x: u64| x + 1, 0..20_000);
    let garbage = std::thread::spawn(move || {
        for index in 0..10_000_u32 {
            let Ok(mut stream) = TcpStream::connect(address) else { continue };
            // Some say nothing, some too much, some half of what they announce.
            let _ = match index % 4 {
                0 => Ok(()),
                1 => stream.write_all(b"GET / HTTP/1.1\r\n\r\n"),
                2 => stream.write_all(&[100, 0, 1, 2, 3]),
                _ => stream.write_all(&[[100, 0].as_slice(), &[7; 100]].concat()),
            };
        }
    });
    let results: Result<Vec<u64>, Error> = map.collect();
    assert_eq!(results.unwrap(), (1..20_001).collect::<Vec<u64>>());
    garbage.join().unwrap();
    assert_eq!(executor.submit(|x: u32| x, 2).result(), Ok(2));
    until("no descriptor is left", || descriptors() <= before);
}

fn a_half_open_connection_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let launcher = with_address(&folder, "{relay}");
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    assert_eq!(executor.submit(|x: u32| x, 1).result(), Ok(1));
    let address = address(&folder);
    let mut silent = TcpStream::connect(address).unwrap();
    silent.set_read_timeout(Some(HANG)).unwrap();
    // Many newer ones push it out.
    let mut others: Vec<TcpStream> =
        (0..64).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "it is closed");
    others[0].set_nonblocking(true).unwrap();
    let next = others[0].read(&mut [0]).unwrap_err();
    assert_eq!(next.kind(), std::io::ErrorKind::WouldBlock, "its time is not over");
    drop(others);
    // And so does time, although it says something all the time, of the 2000 bytes that it announces.
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(&2000_u16.to_le_bytes()).unwrap();
    until("it is closed", || {
        std::thread::sleep(Duration::from_millis(20));
        slow.write_all(&[7]).is_err()
    });
}

/// The relay has another secret, and then none is left.
fn a_relay_with_another_secret_is_not_a_host() {
    let wrong = "f".repeat(64);
    let launcher =
        shell(&format!("PROCPOOL_HOSTS_SECRET={wrong} {{relay}} 2>&1; exit 1")).workers(1);
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    let error = executor.submit(|()| (), ()).error();
    let Some(Error::BrokenProcessPool(broken)) = &error else { panic!("{error:?}") };
    assert!(matches!(broken.cause(), BrokenCause::HostsLost(_)), "{broken}");
    assert!(broken.to_string().contains("no relay arrived"), "{broken}");
}

/// Passes the bytes of a relay's first message on, keeps them, and sends them once more.
fn a_replayed_handshake_is_not_a_host() {
    let folder = tempfile::tempdir().unwrap();
    let between = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let there = between.local_addr().unwrap();
    let launcher = with_address(&folder, &format!("PROCPOOL_HOSTS_ADDRESS={there} {{relay}}"));
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    let future = executor.submit(|x: u32| x, 1);
    let address = address(&folder);
    let (mut relay, _) = between.accept().unwrap();
    let mut length = [0; 2];
    relay.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_le_bytes(length))];
    relay.read_exact(&mut message).unwrap();
    let message = [&length[..], &message].concat();
    // The replay comes first. It is answered, and can do nothing with the answer.
    let mut replay = TcpStream::connect(address).unwrap();
    replay.write_all(&message).unwrap();
    replay.set_read_timeout(Some(HANG)).unwrap();
    assert!(replay.read(&mut [0; 2048]).unwrap() > 2);
    std::thread::sleep(Duration::from_millis(300));
    assert!(!future.running(), "no host has arrived");
    // Then the relay itself is passed on.
    let mut server = TcpStream::connect(address).unwrap();
    server.write_all(&message).unwrap();
    let (mut from, mut to) = (server.try_clone().unwrap(), relay.try_clone().unwrap());
    let back = std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let on = std::thread::spawn(move || std::io::copy(&mut relay, &mut server));
    assert_eq!(future.result(), Ok(1));
    // Garbage instead of a first piece ends it.
    replay.write_all(&[40, 0]).unwrap();
    replay.write_all(&[7; 40]).unwrap();
    // Everything it gets until then is encrypted with a key that it does not have. A reset is an end, too.
    let ended = replay.read_to_end(&mut Vec::new());
    let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert!(!ended.as_ref().is_err_and(timed_out), "it is not closed: {ended:?}");
    drop(executor);
    let _ = (back.join(), on.join());
}

fn another_build_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // Another build has another build id: the note's content follows its name.
    let name = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let at = bytes.windows(name.len()).position(|window| window == name);
    let at = at.expect("the linker writes a build id") + name.len();
    bytes[at] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&copy, permissions).unwrap();
    let launcher = shell(&format!("'{}' --procpool-relay", copy.display())).workers(1);
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    let error = executor.submit(|()| (), ()).error().unwrap().to_string();
    assert!(error.contains("another build of the program (build id "), "{error}");
}

fn the_secret_is_in_no_argument() {
    // The command is the relay itself.
    let launcher = procpool_hosts::command(["{relay}"]).workers(1);
    let executor = ProcessPoolExecutor::builder().launcher(launcher).build().unwrap();
    let relay = |()| std::os::unix::process::parent_id();
    let relay = executor.submit(relay, ()).result().unwrap();
    let variables = std::fs::read_to_string(format!("/proc/{relay}/environ")).unwrap();
    let mut variables = variables.split('\0');
    let secret = variables.find_map(|text| text.strip_prefix("PROCPOOL_HOSTS_SECRET=")).unwrap();
    assert_eq!(secret.len(), 64);
    let arguments = std::fs::read_to_string(format!("/proc/{relay}/cmdline")).unwrap();
    assert!(arguments.contains("--procpool-relay") && !arguments.contains(secret), "{arguments}");
}
