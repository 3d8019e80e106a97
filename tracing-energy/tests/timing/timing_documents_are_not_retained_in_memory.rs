//! The memory of a long recording is that of its samples; documents are not retained. The
//! size of the process is measured, so other tests may not run at the same time.
//! `FUZZ_DOCUMENTS` sets the number of documents.
#![cfg(target_os = "linux")]

use energy_power::powermetrics::document::Document;
use energy_power::powermetrics::stream::{DocumentStream, StreamSegment};

const DOCUMENT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
<plist version=\"1.0\">\n<dict>\n<key>is_delta</key><true/>\n<key>elapsed_ns</key><integer>103685416</integer>\n\
<key>timestamp</key><date>2026-01-22T21:07:07Z</date>\n<key>processor</key>\n<dict>\n\
<key>cpu_energy</key><integer>3049</integer>\n<key>gpu_power</key><real>269.6</real>\n\
<key>clusters</key><array><dict><key>name</key><string>P0</string></dict></array>\n</dict>\n\
</dict>\n</plist>\n";

/// Memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

fn push(stream: &mut DocumentStream, count: u64) {
    for _ in 0..count {
        for segment in stream.push(DOCUMENT.as_bytes()) {
            let StreamSegment::Document(bytes) = segment else {
                panic!("cut")
            };
            let document = Document::parse(&bytes).unwrap();
            assert_eq!(document.rails.len(), 2);
        }
    }
}

#[test]
fn documents_are_not_retained_in_memory() {
    let _alone = crate::alone();
    let count = std::env::var("FUZZ_DOCUMENTS").ok();
    let count = count.and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let mut stream = DocumentStream::default();
    push(&mut stream, count / 10);
    let before = resident();
    push(&mut stream, count);
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more after {count} documents");
}
