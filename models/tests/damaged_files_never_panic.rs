//! Model files with damaged headers and settings: each loads or is refused, none panics
//! or hangs, and none allocates more memory than a whole real vocabulary needs.
//!
//! `FUZZ_INPUTS=1000000` sets the number of inputs (default 20,000).
//!
//! A binary of its own: its allocator observes every allocation of the process.

#[allow(unreachable_pub, dead_code)]
mod family;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::DType;
use energy_models::{LoadOptions, Model};
use serde_json::{Value, json};

/// Remembers the largest single allocation.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

const MOST_BYTES: usize = 64 << 20;

fn inputs() -> usize {
    let inputs = std::env::var("FUZZ_INPUTS").ok();
    inputs.map_or(20_000, |text| text.parse().expect("a number"))
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn damage(&mut self, bytes: &mut [u8], header: usize) {
        for _ in 0..1 + self.below(8) {
            let extremes = [0, 1, 0x7f, 0x80, 0xff, self.below(256) as u8];
            bytes[self.below(header)] = extremes[self.below(extremes.len())];
        }
    }
}

/// Whether it loads and, if it does, takes one step.
fn works(path: &Path) -> bool {
    let model = Model::load(path, &LoadOptions::default());
    // Two tokens, so that there is a mask.
    model.and_then(|mut model| model.forward(&[1, 2])).is_ok()
}

fn assert_bounded(what: &str, refused: usize, inputs: usize) {
    let largest = LARGEST.load(Ordering::Relaxed);
    eprintln!("{what}: {refused} of {inputs} refused, largest allocation {largest} bytes");
    assert!(refused > inputs / 4, "{what}: {refused}");
    assert!(refused < inputs, "{what}: all were refused");
    assert!(largest < MOST_BYTES, "{what}: {largest}");
}

#[test]
fn damaged_files_are_refused_or_work() {
    // A quarter are folders, whose settings and weights are damaged alternately.
    let families = family::with_gguf();
    let each = inputs() / (4 * families.len() / 3).max(1);
    let mut random = Random(0x5eed);
    for family in &families {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        family.write_gguf(&path);
        assert!(works(&path));
        let original = std::fs::read(&path).unwrap();
        let last = b"blk.1.post_ffw_norm.weight";
        let last = original.windows(last.len()).rposition(|part| part == last);
        let header = last.unwrap_or_else(|| after(&original, b"token_embd.weight"));
        let mut refused = 0;
        for _ in 0..each {
            let mut bytes = original.clone();
            random.damage(&mut bytes, header);
            std::fs::write(&path, &bytes).unwrap();
            refused += usize::from(!works(&path));
        }
        assert_bounded(&family.name, refused, each);
    }
    let families = family::all();
    let each = inputs() / (4 * families.len()).max(1);
    for family in &families {
        let folder = tempfile::tempdir().unwrap();
        family::folder::write(family, folder.path(), DType::F32, 1);
        assert!(works(folder.path()));
        let mut refused = 0;
        for at in 0..each {
            let part = ["config.json", "model.safetensors", "tokenizer.json"][at % 3];
            let path = folder.path().join(part);
            let original = std::fs::read(&path).unwrap();
            let bytes = match part {
                "config.json" => settings(&original, &mut random),
                _ => {
                    let mut bytes = original.clone();
                    let header = bytes.len().min(4_000);
                    random.damage(&mut bytes, header);
                    bytes
                }
            };
            std::fs::write(&path, &bytes).unwrap();
            refused += usize::from(!works(folder.path()));
            std::fs::write(&path, &original).unwrap();
        }
        assert_bounded(&format!("folder of {}", family.name), refused, each);
    }
}

#[test]
fn damaged_parts_and_scales_are_refused_or_work() {
    let llama = family::find("llama2");
    let each = inputs() / 10;
    let mut random = Random(0x9a7);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.gguf");
    llama.write_gguf(&whole);
    let parts = family::parts::write(&whole, 3);
    let headers = parts.iter().map(|part| std::fs::read(part).unwrap());
    let headers: Vec<(Vec<u8>, usize)> = headers
        .map(|bytes| {
            let last = bytes.windows(4).rposition(|text| text == b"blk.");
            let end = last.map_or(bytes.len(), |at| at + 64);
            (bytes, end)
        })
        .collect();
    let mut refused = 0;
    for at in 0..each {
        let (path, (original, header)) = (&parts[at % 3], &headers[at % 3]);
        let mut bytes = original.clone();
        random.damage(&mut bytes, *header);
        std::fs::write(path, &bytes).unwrap();
        refused += usize::from(!works(&parts[random.below(3)]));
        std::fs::write(path, original).unwrap();
    }
    assert_bounded("parts", refused, each);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let scales = family::fp8::Scales::Rows;
    family::fp8::write(&llama, scales, [folders[0].path(), folders[1].path()]);
    let path = folders[0].path().join("model.safetensors");
    let original = std::fs::read(&path).unwrap();
    assert!(works(folders[0].path()));
    let header = 8 + u64::from_le_bytes(original[..8].try_into().unwrap()) as usize;
    let mut refused = 0;
    for at in 0..each {
        let mut bytes = original.clone();
        // Numbers and scales, too: most damage of the header breaks its JSON.
        let end = [header, original.len()][at % 2];
        random.damage(&mut bytes, end);
        std::fs::write(&path, &bytes).unwrap();
        refused += usize::from(!works(folders[0].path()));
    }
    assert_bounded("8-bit floats", refused, each);
}

/// Past the last of a text.
fn after(bytes: &[u8], text: &[u8]) -> usize {
    let found = bytes.windows(text.len()).rposition(|part| part == text);
    found.expect("it is there") + text.len()
}

/// The settings with one value changed.
fn settings(original: &[u8], random: &mut Random) -> Vec<u8> {
    let mut settings: Value = serde_json::from_slice(original).unwrap();
    let keys: Vec<String> = settings.as_object().unwrap().keys().cloned().collect();
    let values = [
        json!(null),
        json!(0),
        json!(-1),
        json!(1),
        json!(7),
        json!(u64::MAX),
        json!(4_294_967_295_u32),
        json!(1e300),
        json!(0.5),
        json!(true),
        json!("text"),
        json!([1, "two"]),
        json!({ "rope_type": "longrope", "original_max_position_embeddings": 1 }),
    ];
    let key = &keys[random.below(keys.len())];
    settings[key] = values[random.below(values.len())].clone();
    settings.to_string().into_bytes()
}
