//! The memory that is predicted before loading is what loading and generating need.
//!
//! A binary of its own: its allocator counts every byte of the process, so it runs one test
//! at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::quantized::GgmlDType;
use energy_models::tiny::{self, TinyConfig};
use energy_models::{
    Checkpoint, Depth, GenerateOptions, LoadOptions, Prefill, Requantize, generate,
};

/// Counts the bytes that are allocated now, and the most there were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static ONE: Mutex<()> = Mutex::new(());

fn add(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A file with matrices that are packed on most processors.
fn file(folder: &tempfile::TempDir, dtype: GgmlDType, finer: Option<GgmlDType>) -> PathBuf {
    let path = folder.path().join("model.gguf");
    let config = TinyConfig {
        layers: 3,
        width: 512,
        hidden: 1024,
        heads: 8,
        kv_heads: 4,
        context_length: 4096,
        dtype,
        finer,
        tied: false,
        ..TinyConfig::default()
    };
    tiny::write_gguf(&path, &config).unwrap();
    path
}

const TYPES: [(GgmlDType, Option<GgmlDType>); 5] = [
    (GgmlDType::Q8_0, None),
    (GgmlDType::Q4K, Some(GgmlDType::Q6K)),
    (GgmlDType::Q4_1, None),
    (GgmlDType::F16, None),
    (GgmlDType::F32, None),
];

/// Runs a model once, so that pools of threads and their buffers exist.
fn start_pools() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, GgmlDType::F32, None);
    let mut model = energy_models::Model::load(path, &LoadOptions::default()).unwrap();
    model.forward(&[5; 64]).unwrap();
}

/// What is predicted and what was allocated beyond the state before, for a prompt.
fn predicted_and_real(path: &PathBuf, options: &LoadOptions, prompt: usize) -> (f64, f64) {
    let checkpoint = Checkpoint::open(path).unwrap();
    let memory = checkpoint.memory(options);
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let mut model = checkpoint.load(options, &mut |_| ()).unwrap();
    assert_eq!(model.info().memory, memory);
    assert_eq!(model.info().weight_bytes as u64, memory.weight_bytes);
    assert_eq!(model.info().packed_bytes as u64, memory.packed_bytes);
    let options = GenerateOptions {
        max_tokens: 2,
        raw: true,
        ..Default::default()
    };
    let prompt = "#".repeat(prompt);
    let done = generate(&mut model, &prompt, &options, |_| ControlFlow::Continue(())).unwrap();
    let real = MOST.load(Ordering::Relaxed) - before;
    (memory.peak(done.input_tokens, 2) as f64, real as f64)
}

#[test]
fn peaks_are_those_that_are_predicted() {
    let _one = ONE.lock();
    start_pools();
    for (dtype, finer) in TYPES {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, dtype, finer);
        for prefill in [Prefill::Same, Prefill::F32] {
            let is_deep = dtype == GgmlDType::Q8_0 && prefill == Prefill::Same;
            let depths = [Depth::Module, Depth::Deep];
            for &depth in &depths[..1 + usize::from(is_deep)] {
                let options = LoadOptions {
                    prefill,
                    depth,
                    ..Default::default()
                };
                for prompt in [8, 128, 2000] {
                    let (predicted, real) = predicted_and_real(&path, &options, prompt);
                    let ratio = predicted / real;
                    eprintln!(
                        "{dtype:?} {prefill:?} {depth:?} {prompt}: {predicted} {real} {ratio:.3}"
                    );
                    assert!(
                        (0.9..1.1).contains(&ratio),
                        "{dtype:?} {depth:?} {prompt}: {ratio}"
                    );
                }
            }
        }
    }
}

#[test]
fn loading_makes_all_copies_of_matrices() {
    let _one = ONE.lock();
    start_pools();
    for (dtype, finer) in TYPES {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, dtype, finer);
        for requantize in [Requantize::None, Requantize::Q8_0] {
            let options = LoadOptions {
                requantize,
                ..Default::default()
            };
            let checkpoint = Checkpoint::open(&path).unwrap();
            let before = NOW.load(Ordering::Relaxed);
            let mut model = checkpoint.load(&options, &mut |_| ()).unwrap();
            let loaded = NOW.load(Ordering::Relaxed);
            let resident = (loaded - before) as f64;
            let predicted = model.info().memory.resident_bytes() as f64;
            assert!(
                (0.95..1.05).contains(&(predicted / resident)),
                "{dtype:?}: {predicted} {resident}"
            );
            // Passes of any length keep nothing more.
            for tokens in [1, 4, 33, 200] {
                model.forward(&vec![5; tokens]).unwrap();
                model.reset();
            }
            let kept = NOW.load(Ordering::Relaxed).saturating_sub(loaded);
            assert!(kept < 500_000, "{dtype:?} {requantize:?}: {kept}");
        }
    }
}
