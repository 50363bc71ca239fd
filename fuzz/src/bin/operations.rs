//! Lists of operations, three bytes each: the engine answers as the reference model does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spence_testkit::{Answer, Many, Op, Setup, run};

const MAX_OPERATIONS: usize = 100;

fuzz_target!(|bytes: &[u8]| {
    let Some((&setup, bytes)) = bytes.split_first() else { return };
    let setup = match setup {
        0..200 => Setup::Memory,
        200..220 => Setup::Both,
        220..240 => Setup::Disk,
        _ => Setup::Chaos(u64::from(setup)),
    };
    let (threes, _) = bytes.as_chunks();
    let list: Vec<Op> = threes.iter().take(MAX_OPERATIONS).map(operation).collect();
    if let Err(error) = run(setup, &list) {
        panic!("{setup:?}: {error}\n{list:#?}");
    }
});

fn operation(&[kind, what, how]: &[u8; 3]) -> Op {
    let group = group(what);
    let key = format!("{group}:{}", what >> 2 & 3);
    match kind % 12 {
        0 => Op::Get { key },
        1 => Op::Peek { key },
        2..=5 => Op::Fetch { key, answer: answer(how) },
        6 => Op::FetchMany { group, answer: answer(how) },
        7 => Op::Insert { key, tags: tags(how) },
        8 if how < 128 => Op::Invalidate { key },
        8 => Op::Expire { key },
        9 if how < 128 => Op::Ban { target: many(what, how) },
        9 => Op::ExpireMany { target: many(what, how) },
        10 => Op::Advance { seconds: u64::from(how % 25) },
        _ if what < 200 => Op::SwapPolicy { short: how < 128 },
        _ => Op::Reopen,
    }
}

fn group(what: u8) -> String {
    ["a", "b", "c", "d"][usize::from(what & 3)].to_owned()
}

fn tags(how: u8) -> Vec<&'static str> {
    let tags = ["red", "green", "blue"];
    (0..3).filter(|n| how >> n & 1 == 1).map(|n| tags[n]).collect()
}

/// No panics: here they end the process.
fn answer(how: u8) -> Answer {
    match how >> 5 {
        0..=3 => {
            let ttl_seconds = (how & 16 != 0).then_some(u64::from(how & 15) + 1);
            Answer::Value { tags: tags(how), ttl_seconds }
        }
        4 => Answer::NotFound,
        5 => Answer::NotModified,
        6 => Answer::NoStore,
        _ => Answer::Failure,
    }
}

fn many(what: u8, how: u8) -> Many {
    match how >> 2 & 7 {
        0..=3 => Many::Tag(["red", "green", "blue"][usize::from(how % 3)]),
        4 => Many::Prefix(format!("{}:", group(what))),
        5 => Many::Glob(format!("?:{}", what >> 2 & 3)),
        6 => Many::Namespace,
        _ => Many::Everything,
    }
}
