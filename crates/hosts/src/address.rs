//! The address on which this program listens for its relays.
//!
//! Owns the choice for an allocation: the address of the interface through which this machine reaches the other nodes.
//! Sends nothing: the kernel's table of routes knows it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};

/// Returns the address that this machine has towards the nodes of `list`, which has the form of
/// `SLURM_JOB_NODELIST`; `None` if their names have no addresses, or all of them are this machine's own.
///
/// One of two different nodes is another machine. So two are looked at.
pub(crate) fn towards(list: &str) -> Option<IpAddr> {
    let nodes = elements(list);
    let (first, last) = (nodes.first()?, nodes.last()?);
    [name_in(last, true), name_in(first, false)].iter().find_map(|node| source_towards(node))
}

/// Returns the source address of what this machine sends to `host`, if that is not the loopback interface's.
fn source_towards(host: &str) -> Option<IpAddr> {
    let target = (host, 1).to_socket_addrs().ok()?.next()?;
    let any: IpAddr = match target.is_ipv4() {
        true => Ipv4Addr::UNSPECIFIED.into(),
        false => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    let source = socket.local_addr().ok()?.ip();
    (!source.is_loopback() && !source.is_unspecified()).then_some(source)
}

/// Splits a list of nodes at its commas, of which those in brackets belong to one element.
fn elements(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_separator = |character| {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    };
    list.split(is_separator).filter(|element| !element.is_empty()).collect()
}

/// Returns the first name that an element stands for, or the `last` one: `n[01-03,07]` stands for `n01`, …, `n07`.
fn name_in(element: &str, last: bool) -> String {
    let Some((prefix, rest)) = element.split_once('[') else { return element.to_owned() };
    let (numbers, suffix) = rest.split_once(']').unwrap_or((rest, ""));
    let mut numbers = numbers.split([',', '-']);
    let number = if last { numbers.next_back() } else { numbers.next() };
    format!("{prefix}{}{}", number.unwrap_or_default(), name_in(suffix, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_node_of_a_list_are_found() {
        for (list, first, last) in [
            ("n1", "n1", "n1"),
            ("a,b", "a", "b"),
            ("n[1-4]", "n1", "n4"),
            ("n[01-03,07],login,c[5,9]-x", "n01", "c9-x"),
            ("r[1-2]n[3-4]", "r1n3", "r2n4"),
        ] {
            let nodes = elements(list);
            let found = (name_in(nodes[0], false), name_in(nodes[nodes.len() - 1], true));
            assert_eq!(found, (first.to_owned(), last.to_owned()), "{list}");
        }
        assert!(elements("").is_empty());
    }

    #[test]
    fn addresses_that_only_this_machine_reaches_are_none() {
        assert_eq!(towards("127.0.0.1"), None);
        assert_eq!(towards("no.such.host.invalid"), None);
        assert_eq!(towards(""), None);
    }

    #[test]
    fn another_machine_is_reached_by_an_address_of_this_one() {
        // An address for documentation, which nothing is sent to. Without a route there is no answer.
        let source = towards("127.0.0.1,192.0.2.1");
        assert!(source.is_none_or(|source| UdpSocket::bind((source, 0)).is_ok()), "{source:?}");
    }
}
