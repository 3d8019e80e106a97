//! Tests powermetrics documents: keys of each version, hostile input, recordings.

use energy_data::units::Nanos;
use energy_power::RailKind;
use energy_power::powermetrics::document::{Document, DocumentError};
use energy_power::powermetrics::stream::{DocumentStream, StreamSegment};
use proptest::test_runner::{RngAlgorithm, TestRng};

fn document(top: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \
         \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n<key>is_delta</key><true/>\n\
         <key>elapsed_ns</key><integer>500000000</integer>\n\
         <key>hw_model</key><string>Mac16,8</string>\n\
         <key>timestamp</key><date>2025-07-08T05:36:24Z</date>\n{top}</dict>\n</plist>\n"
    )
}

fn processor(keys: &str) -> String {
    document(&format!("<key>processor</key>\n<dict>\n{keys}</dict>\n"))
}

fn int(key: &str, value: impl std::fmt::Display) -> String {
    format!("<key>{key}</key>\n<integer>{value}</integer>\n")
}

fn real(key: &str, value: impl std::fmt::Display) -> String {
    format!("<key>{key}</key>\n<real>{value}</real>\n")
}

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes()).unwrap()
}

fn figure(document: &Document, name: &str) -> Option<f64> {
    let found = document.figures.iter().find(|figure| figure.name == name);
    found.map(|figure| figure.value)
}

fn joules(document: &Document) -> Vec<(&str, Option<f64>)> {
    let rails = document.rails.iter();
    rails
        .map(|rail| (rail.name, rail.energy.map(|energy| energy.joules())))
        .collect()
}

fn apple_silicon() -> String {
    let keys = int("cpu_energy", 3049)
        + &real("cpu_power", 6098)
        + &int("gpu_energy", 276)
        + &real("gpu_power", 552)
        + &int("ane_energy", 0)
        + &real("ane_power", 0)
        + &real("combined_power", 6650);
    processor(&keys)
}

#[test]
fn frequency_and_idle_ratio_of_the_gpu_are_read_if_they_are_numbers() {
    let gpu = |keys: String| {
        let gpu = format!("<key>gpu</key>\n<dict>\n{keys}</dict>\n");
        let document = parse(&document(&gpu));
        ["gpu_freq_mhz", "gpu_idle_ratio"].map(|name| figure(&document, name))
    };
    let energy = int("gpu_energy", 7);
    // Some systems print the idle ratio twice; a lost window has no number.
    let whole = real("freq_hz", 615.574) + &real("idle_ratio", 0.5) + &real("idle_ratio", 0.25);
    assert_eq!(gpu(whole + &energy), [Some(615.574), Some(0.25)]);
    let lost = real("freq_hz", 0) + &real("idle_ratio", "nan") + &energy;
    assert_eq!(gpu(lost), [Some(0.0), None]);
    assert_eq!(gpu(energy), [None, None]);
    assert_eq!(parse(&apple_silicon()).figures, []);
}

#[test]
fn idle_ratio_of_a_cluster_is_the_mean_of_its_cores() {
    let list = |key: &str, parts: &[String]| {
        let parts = parts.iter().map(|part| format!("<dict>\n{part}</dict>\n"));
        format!(
            "<key>{key}</key>\n<array>\n{}</array>\n",
            parts.collect::<String>()
        )
    };
    let core = |idle: f64, down: f64| {
        let states = list(
            "dvfm_states",
            &[int("freq", 600) + &real("used_ratio", 1.0)],
        );
        real("idle_ratio", idle) + &real("down_ratio", down) + &states
    };
    let cluster = |name: &str, idle: f64, cores: &[String]| {
        let name = format!("<key>name</key>\n<string>{name}</string>\n");
        let cores = match cores {
            [] => String::new(),
            cores => list("cpus", cores),
        };
        name + &real("freq_hz", "1.2e9") + &real("idle_ratio", idle) + &cores
    };
    let clusters = [
        // As on an M3 Max: the cluster never idles, its cores mostly do.
        cluster("E-Cluster", 0.0, &[core(0.88, 0.0), core(0.96, 0.0)]),
        // Powered off.
        cluster(
            "P1-Cluster",
            0.002,
            &[core(0.002, 0.998), core(0.002, 0.998)],
        ),
        cluster("S (0)", 0.75, &[]),
    ];
    let document = parse(&processor(
        &(int("cpu_energy", 10) + &list("clusters", &clusters)),
    ));
    let near = |name: &str, value: f64| {
        let found = figure(&document, name).unwrap_or_else(|| panic!("no {name}"));
        assert!((found - value).abs() < 1e-9, "{name} is {found}");
    };
    near("e_cluster_idle_ratio", 0.92);
    near("e_cluster_freq_mhz", 1_200.0);
    near("p1_cluster_idle_ratio", 1.0);
    near("s__0__idle_ratio", 0.75);
    assert_eq!(document.figures.len(), 6);
}

#[test]
fn apple_silicon_has_three_rails_without_the_combined_power() {
    let document = parse(&apple_silicon());
    assert_eq!(
        joules(&document),
        [
            ("cpu", Some(3.049)),
            ("gpu", Some(0.276)),
            ("ane", Some(0.0))
        ]
    );
    assert_eq!(document.elapsed, Nanos::from_millis(500));
    assert_eq!(document.hw_model.as_deref(), Some("Mac16,8"));
    assert!(document.timestamp.is_some() && document.is_delta);
    assert_eq!(document.oddities, [""; 0]);
}

#[test]
fn power_is_used_if_energy_is_missing_or_not_a_number() {
    let document = parse(&processor(
        &(real("cpu_power", 4000)
            + &real("gpu_energy", "nan")
            + &real("gpu_power", 100)
            + &real("ane_energy", "nan")),
    ));
    assert_eq!(
        joules(&document),
        [("cpu", Some(2.0)), ("gpu", Some(0.05)), ("ane", None)]
    );
}

#[test]
fn numbers_may_be_integer_or_real_but_not_negative() {
    let document = parse(&processor(
        &(real("cpu_energy", "1.5e3") + &int("gpu_energy", u64::MAX) + &int("ane_energy", -3)),
    ));
    assert_eq!(joules(&document)[0], ("cpu", Some(1.5)));
    assert_eq!(joules(&document)[2], ("ane", None));
}

#[test]
fn duplicate_keys_are_accepted() {
    let gpu = "<key>gpu</key>\n<dict>\n<key>idle_ns</key><integer>1</integer>\n\
        <key>idle_ratio</key><real>nan</real>\n<key>idle_ns</key><integer>1</integer>\n\
        <key>idle_ratio</key><real>nan</real>\n<key>gpu_energy</key><integer>8</integer>\n</dict>\n";
    assert_eq!(joules(&parse(&document(gpu))), [("gpu", Some(0.008))]);
    // The processor's value is preferred; both are the same rail.
    let both = processor(&int("gpu_energy", 7))
        .replace("</dict>\n</plist>", &format!("{gpu}</dict>\n</plist>"));
    assert_eq!(joules(&parse(&both)), [("gpu", Some(0.007))]);
}

#[test]
fn intel_reports_joules_and_old_apple_silicon_package_and_memory() {
    let intel = parse(&processor(
        &(real("package_joules", 6.5) + &real("package_watts", 13)),
    ));
    assert_eq!(joules(&intel), [("package", Some(6.5))]);
    let watts_only = parse(&processor(&real("package_watts", 13)));
    assert_eq!(joules(&watts_only), [("package", Some(6.5))]);
    let old = parse(&processor(
        &(int("dram_energy", 80) + &int("cpu_energy", 900) + &int("package_energy", 1500)),
    ));
    assert_eq!(
        joules(&old),
        [
            ("package", Some(1.5)),
            ("cpu", Some(0.9)),
            ("dram", Some(0.08))
        ]
    );
    assert_eq!(old.rails[0].kind, RailKind::Package);
}

#[test]
fn a_combined_power_that_differs_from_its_parts_is_reported() {
    let keys = real("cpu_power", 1000) + &real("gpu_power", 500) + &real("combined_power", 1600);
    assert_eq!(parse(&processor(&keys)).oddities.len(), 1);
    let rounded = keys.replace("1600", "1500.1");
    assert_eq!(parse(&processor(&rounded)).oddities.len(), 0);
}

#[test]
fn a_document_without_a_processor_has_no_power() {
    for text in [
        document(""),
        processor(""),
        document("<key>GPU</key><array/>\n"),
    ] {
        let error = Document::parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("no power here"), "{error}");
        assert!(error.to_string().contains("Mac16,8"), "{error}");
    }
}

#[test]
fn a_warning_inside_a_document_is_reported_with_its_line() {
    let text = apple_silicon().replace("<key>processor", "warning: went backwards\n<key>processor");
    let error = Document::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("line 9: ") && error.contains("went backwards"),
        "{error}"
    );
}

#[test]
fn invalid_lengths_are_refused() {
    for value in [
        "0",
        "-5",
        "99999999999999999999",
        "9000000000000000000",
        "x",
    ] {
        let text = apple_silicon().replace("500000000", value);
        let error = Document::parse(text.as_bytes()).unwrap_err();
        assert!(
            matches!(error, DocumentError::Malformed(_)),
            "{value}: {error}"
        );
    }
}

/// Mutations with a fixed seed never panic.
#[test]
fn mutated_documents_never_panic() {
    use proptest::prelude::Rng;
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let original = apple_silicon().into_bytes();
    for _ in 0..3_000 {
        let mut bytes = original.clone();
        for _ in 0..=rng.next_u32() % 6 {
            mutate(&mut bytes, rng.next_u32() as usize, rng.next_u32() as usize);
        }
        let mut stream = DocumentStream::with_limit(1 << 16);
        let mut segments = stream.push(&bytes);
        segments.extend(stream.finish());
        for segment in segments {
            if let StreamSegment::Document(bytes) | StreamSegment::Incomplete(bytes) = segment {
                let _ = Document::parse(&bytes);
            }
        }
        let _ = Document::parse(&bytes);
    }
}

fn mutate(bytes: &mut Vec<u8>, kind: usize, random: usize) {
    if bytes.is_empty() {
        return;
    }
    let at = (random >> 8) % bytes.len();
    let end = (at + 1 + random % 40).min(bytes.len());
    match kind % 6 {
        0 => bytes[at] = random as u8,
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => {
            bytes.splice(at..at, *b"<array>");
        }
        _ => bytes[at] ^= 1 << (random % 8),
    }
}

fn rails(document: &Document) -> Vec<(&str, f64)> {
    let rails = joules(document).into_iter();
    rails
        .map(|(name, energy)| (name, energy.unwrap()))
        .collect()
}

/// Checks the rails of each recording of a real machine.
#[test]
fn recordings_of_real_machines() {
    let Some(folder) = std::env::var_os("POWERMETRICS_RECORDINGS") else {
        eprintln!("SKIPPED: POWERMETRICS_RECORDINGS is not set to a folder with recordings");
        return;
    };
    let read = |name: &str| -> Vec<Result<Document, DocumentError>> {
        let path = std::path::Path::new(&folder).join(name);
        let mut stream = DocumentStream::default();
        let mut segments = stream.push(&std::fs::read(path).unwrap());
        segments.extend(stream.finish());
        let parsed = segments.into_iter().map(|segment| match segment {
            StreamSegment::Document(bytes) => Document::parse(&bytes),
            other => panic!("{name}: {other:?}"),
        });
        parsed.collect()
    };
    let one = |name: &str| read(name).remove(0);

    let intel = one("intel_catapult_powermetrics_output.plist").unwrap();
    assert!(!intel.is_delta);
    assert_eq!(rails(&intel), [("package", 13.0469)]);

    let unsupported = one("intel_catapult_unsupported_hw.plist").unwrap_err();
    assert!(matches!(unsupported, DocumentError::NoPower { .. }));

    let vmware = one("intel_catapult_vmware.plist").unwrap_err().to_string();
    assert!(
        vmware.contains("line 1661: ") && vmware.contains("went backwards"),
        "{vmware}"
    );

    let battery = read("m4pro_24F74_battery_n3.plist");
    assert_eq!(battery.len(), 3);
    assert!(
        battery
            .iter()
            .all(|b| matches!(b, Err(DocumentError::NoPower { .. })))
    );

    let gpu = read("m4pro_24F74_gpu_5s_n5.plist");
    let gpu: Vec<_> = gpu.iter().flatten().flat_map(rails).collect();
    assert_eq!(
        gpu,
        [
            ("gpu", 0.019),
            ("gpu", 0.107),
            ("gpu", 0.788),
            ("gpu", 0.146),
            ("gpu", 0.126)
        ]
    );

    let m1 = one("m1_pumas_cpu_gpu_thermal_n1.plist").unwrap();
    assert_eq!(rails(&m1), [("cpu", 0.089), ("gpu", 0.031), ("ane", 0.0)]);
    assert_eq!(m1.thermal_pressure.as_deref(), Some("Nominal"));
    assert_eq!(m1.oddities, [""; 0]);

    let m4 = one("m4max_25C56_tasks_disk_cpu_gpu_thermal_1s_n1.plist").unwrap();
    assert_eq!(rails(&m4), [("cpu", 3.049), ("gpu", 0.276), ("ane", 0.0)]);
    assert_eq!(m4.elapsed, Nanos::from_nanos(1_023_685_416));
    // One cluster is powered off and reported as 0.2 % idle.
    assert!(figure(&m4, "p1_cluster_idle_ratio").unwrap() > 0.999);
    let p0 = figure(&m4, "p0_cluster_idle_ratio").unwrap();
    assert!((p0 - 0.866_208).abs() < 1e-6, "{p0}");
    assert_eq!(figure(&m4, "p0_cluster_freq_mhz"), Some(3_560.87));
}
