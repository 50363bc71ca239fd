//! What happens to the nodes and the server.

use std::collections::BTreeMap;
use std::time::Duration;

use spence_testkit::RedisServer;

use super::dice::Dice;
use super::pause;
use super::proxy::Proxy;
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
    pub(super) fn strike(&mut self, server: &mut RedisServer, nodes: &mut [Worker]) {
        self.wait(200, 1_500);
        let node = usize::try_from(self.dice.draw() % nodes.len() as u64).unwrap();
        let what = match self.dice.within(0..=18) {
            0 => {
                server.kill();
                self.wait(100, 2_000);
                server.restart();
                "server killed, restarted with its data"
            }
            1 => {
                server.kill();
                server.forget();
                self.wait(0, 1_000);
                server.restart();
                "server killed, restarted empty"
            }
            2 => {
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
            10 => {
                server.command(&["CONFIG", "SET", "maxmemory", "1"]);
                self.wait(100, 1_000);
                server.command(&["CONFIG", "SET", "maxmemory", "0"]);
                "server full"
            }
            11 => {
                server.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
                server.command(&["CONFIG", "SET", "maxmemory", "1mb"]);
                self.wait(100, 1_000);
                server.command(&["CONFIG", "SET", "maxmemory", "0"]);
                server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
                "anything evicted"
            }
            12 => {
                server.command(&["SCRIPT", "FLUSH"]);
                "scripts flushed"
            }
            _ => self.strike_network(&nodes[node].network),
        };
        *self.struck.entry(what).or_default() += 1;
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
