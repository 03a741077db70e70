//! Addresses for an engine's networks that the machine does not use.

use std::fs;
use std::net::Ipv4Addr;

/// One of 256 pairs of networks: `10.213.n.0/24` is the bridge, `10.214.n.0/24` holds the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subnet(u8);

impl Subnet {
    /// One that no interface has.
    pub(super) fn free() -> Self {
        let routes = fs::read_to_string("/proc/net/route").unwrap();
        // Engines that start at once do not see each other's routes: each begins elsewhere.
        let first = std::process::id() as u8;
        let free = (0..=u8::MAX).map(|step| Self(first.wrapping_add(step))).find(|subnet| {
            let [bridge, pool] = [213, 214].map(|second| format!("{:02X}{second:02X}0A", subnet.0));
            !routes.lines().any(|line| {
                let destination = line.split_whitespace().nth(1).unwrap_or_default();
                [&bridge, &pool].iter().any(|used| destination.get(2..) == Some(used))
            })
        });
        free.expect("a free network below 10.213.0.0/16")
    }

    /// Name of the bridge.
    pub(super) fn bridge(self) -> String {
        format!("dvt{}x{}", self.0, std::process::id())
    }

    /// The machine on the bridge.
    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, 1)
    }

    /// The same with the size of the network.
    pub(super) fn gateway_and_bits(self) -> String {
        format!("{}/24", self.gateway())
    }

    /// Where networks of containers are taken from.
    pub(super) fn pool(self) -> String {
        format!("10.214.{}.0/24", self.0)
    }
}
