//! What happens to the nodes and the server.

use std::collections::BTreeMap;
use std::time::Duration;

use spence_testkit::RedisServer;

use super::dice::Dice;
use super::pause;
use super::proxy::Proxy;
use super::servers::{Servers, Way};
use super::worker::Worker;

pub(super) struct Nemesis {
    dice: Dice,
    struck: BTreeMap<&'static str, u32>,
}

impl Nemesis {
    pub(super) fn new(dice: Dice) -> Self {
        Self { dice, struck: BTreeMap::new() }
    }

    /// Lets one thing happen, and all be well again after it.
    pub(super) fn strike(&mut self, servers: &mut Servers, nodes: &mut [Worker]) {
        self.wait(200, 1_500);
        let node = usize::try_from(self.dice.draw() % nodes.len() as u64).unwrap();
        let is_one = matches!(servers, Servers::One(_));
        let server = servers.any(self.dice.draw());
        let what = match self.dice.within(0..=18) {
            0 => {
                server.kill();
                self.wait(100, 2_000);
                server.restart();
                "server killed, restarted with its data"
            }
            // One of a cluster would forget that it is one.
            1 if is_one => {
                server.kill();
                server.forget();
                self.wait(0, 1_000);
                server.restart();
                "server killed, restarted empty"
            }
            1 | 2 => {
                server.command(&["FLUSHALL"]);
                "FLUSHALL"
            }
            3 => {
                server.freeze();
                self.wait(50, 2_000);
                server.thaw();
                "server frozen"
            }
            4 => {
                server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
                "connections killed"
            }
            5 => {
                server.command(&["XTRIM", "spence:{log}:stream", "MAXLEN", "0"]);
                "log trimmed"
            }
            6 | 7 => {
                nodes[node].restart();
                "node killed, restarted"
            }
            8 | 9 => {
                nodes[node].signal("-STOP");
                self.wait(100, 2_500);
                nodes[node].signal("-CONT");
                "node stopped"
            }
            10 | 11 => self.fill(server),
            12 => {
                server.command(&["SCRIPT", "FLUSH"]);
                "scripts flushed"
            }
            _ => match &nodes[node].way {
                Way::Network(network) => self.strike_network(network),
                Way::Straight(_) => {
                    server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
                    "connections killed"
                }
            },
        };
        servers.wait();
        *self.struck.entry(what).or_default() += 1;
    }

    /// The server's memory is at its limit.
    fn fill(&mut self, server: &RedisServer) -> &'static str {
        let evicts = self.dice.within(0..=1) == 1;
        let (policy, most) = if evicts { ("allkeys-random", "1mb") } else { ("noeviction", "1") };
        server.command(&["CONFIG", "SET", "maxmemory-policy", policy]);
        server.command(&["CONFIG", "SET", "maxmemory", most]);
        self.wait(100, 1_000);
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        if evicts { "anything evicted" } else { "server full" }
    }

    fn strike_network(&mut self, network: &Proxy) -> &'static str {
        let what = match self.dice.within(0..=2) {
            0 => {
                network.cut();
                "network of a node cut"
            }
            1 => {
                network.silence();
                "network of a node silent"
            }
            _ => {
                network.delay(Duration::from_millis(self.dice.within(5..=80)));
                "network of a node slow"
            }
        };
        self.wait(100, 2_500);
        network.delay(Duration::ZERO);
        what
    }

    fn wait(&mut self, least_ms: u64, most_ms: u64) {
        pause(Duration::from_millis(self.dice.within(least_ms..=most_ms)));
    }

    /// How often what has happened.
    pub(super) fn summary(&self) -> String {
        let total: u32 = self.struck.values().sum();
        let struck = self.struck.iter().map(|(what, times)| format!("{times} x {what}"));
        format!("  {total} things happened: {}", struck.collect::<Vec<_>>().join(", "))
    }
}
