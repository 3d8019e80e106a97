//! Fuzzes recordings with random bytes and mutated recordings. Each input is read or refused
//! in bounded memory, and the samples are plausible.
//!
//! By default 20,000 inputs of at most 4 KiB; `FUZZ_INPUTS=1000000` sets their number and
//! `FUZZ_SEED` the seed. Recordings in the folder `POWERMETRICS_RECORDINGS` are also mutated.

use std::io::Write as _;

use energy_power::powermetrics::document::Document;
use energy_power::powermetrics::stream::{DocumentStream, StreamSegment};
use energy_power::{Recording, SourceError};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const LONGEST: usize = 4096;

const PLIST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
<plist version=\"1.0\">\n<dict>\n<key>is_delta</key><true/>\n<key>elapsed_ns</key><integer>103685416</integer>\n\
<key>timestamp</key><date>2026-01-22T21:07:07Z</date>\n<key>processor</key>\n<dict>\n\
<key>cpu_energy</key><integer>3049</integer>\n<key>gpu_power</key><real>269.6</real>\n\
<key>clusters</key><array><dict><key>name</key><string>P0</string></dict></array>\n</dict>\n\
<key>gpu</key><dict><key>idle_ratio</key><real>nan</real><key>idle_ratio</key><real>nan</real></dict>\n\
</dict>\n</plist>\n";

const TEXT: &str = "Machine model: Mac16,6\n\n\
*** Sampled system activity (Sat Nov  8 15:54:21 2025 +0900) (5021.96ms elapsed) ***\n\n\
CPU Power: 954 mW\nGPU Power: 28 mW\nANE Power: 0 mW\nCombined Power (CPU + GPU + ANE): 983 mW\n\
GPU Power: 28 mW\n*** Summary system activity (Sat Nov  8 15:54:21 2025 +0900) (99.5ms elapsed) ***\n";

const TABLES: [&str; 3] = [
    "t_start_ns,t_end_ns,rail,energy_mj\n0,100000000,cpu,5\n100000000,200000000,cpu,7.5\n",
    "interval_start_s,interval_end_s,rail,power_w\n1.5,2.5,gpu,3\n2.5,3.5,gpu,\n",
    "timestamp_s,rail,power_w\n1784491122.29,cpu_power,0.14\n1784491122.41,cpu_power,2.4\n",
];

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn seeds() -> Vec<Vec<u8>> {
    let two = format!("{PLIST}\0{PLIST}");
    let made = [PLIST, two.as_str(), TEXT].into_iter().chain(TABLES);
    let mut seeds: Vec<Vec<u8>> = made.map(|text| text.as_bytes().to_vec()).collect();
    let folder = std::env::var_os("POWERMETRICS_RECORDINGS");
    for entry in folder
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .flatten()
    {
        let mut bytes = std::fs::read(entry.path()).unwrap_or_default();
        bytes.truncate(LONGEST);
        seeds.push(bytes);
    }
    seeds
}

/// Applies one mutation: changes a byte, removes or doubles a piece, or enlarges a number.
fn change(bytes: &mut Vec<u8>, random: &mut StdRng) {
    if bytes.is_empty() {
        bytes.push(random.random());
        return;
    }
    let at = random.random_range(0..bytes.len());
    let end = (at + random.random_range(0..80)).min(bytes.len());
    match random.random_range(0..6) {
        0 => bytes[at] = random.random(),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.truncate(at),
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => {
            let odd = [
                &b"-"[..],
                b"99999999999999999999",
                b"1e308",
                b"\0",
                b"<a>",
                b"\xff",
                b"nan",
            ];
            bytes.splice(
                at..at,
                odd[random.random_range(0..odd.len())].iter().copied(),
            );
        }
        _ => bytes[at] = bytes[at].wrapping_add(1),
    }
    bytes.truncate(LONGEST);
}

fn input(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    if random.random_bool(0.1) {
        let length = random.random_range(0..LONGEST);
        return (0..length).map(|_| random.random()).collect();
    }
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        change(&mut bytes, random);
    }
    bytes
}

/// Checks that a recording is valid.
fn check(recording: Result<Recording, SourceError>, bytes: &[u8]) {
    match recording {
        Ok(recording) => {
            for sample in &recording.samples {
                let is_sound = sample.start < sample.end && sample.rail < recording.rails.len();
                let energy = sample.energy.map_or(0.0, |energy| energy.joules());
                let is_energy = energy.is_finite() && energy >= 0.0;
                assert!(
                    is_sound && is_energy,
                    "{sample:?} of {:?}",
                    String::from_utf8_lossy(bytes)
                );
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[test]
fn everything_is_read_or_refused() {
    let count = number("FUZZ_INPUTS", 20_000);
    let mut random = StdRng::seed_from_u64(number("FUZZ_SEED", 7));
    let seeds = seeds();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    let mut read = 0;
    for _ in 0..count {
        let bytes = input(&seeds, &mut random);
        // As the live source reads.
        let mut stream = DocumentStream::default();
        let mut segments = stream.push(&bytes);
        segments.extend(stream.finish());
        for segment in segments {
            if let StreamSegment::Document(document) = segment {
                let _ = Document::parse(&document);
            }
        }
        // As replay and import read.
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&bytes).unwrap();
        let recording = Recording::open(&path);
        read += u64::from(recording.is_ok());
        check(recording, &bytes);
        // A new file each time: file systems flush one that is written over.
        std::fs::remove_file(&path).unwrap();
    }
    assert!(
        read > count / 20,
        "too few are still recordings: {read} of {count}"
    );
}
