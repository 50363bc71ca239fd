//! What the figures were measured on.

use std::fs;

/// Processor, cores, memory and kernel, in one line.
pub fn describe() -> String {
    let cpu = line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".into());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kib = line_of("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()));
    let gib = kib.map_or_else(String::new, |kib| format!(", {} GiB", kib.div_ceil(1 << 20)));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cpu}, {cores} cores{gib}, Linux {}", kernel.trim())
}

/// Resident bytes of this process.
pub fn resident_bytes() -> u64 {
    let kib = line_of("/proc/self/status", "VmRSS")
        .and_then(|text| text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()));
    kib.unwrap_or(0) * 1024
}

/// Bytes that this process has had written to storage, by the kernel's count.
pub fn written_bytes() -> u64 {
    line_of("/proc/self/io", "wchar").and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
