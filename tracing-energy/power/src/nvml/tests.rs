use std::sync::Mutex;

use super::*;
use crate::clock::ManualClock;
use crate::source::{PowerSource, Reading};

/// A GPU as its driver may report it; `None` values are not supported.
#[derive(Clone, Default)]
struct Fake {
    energy_mj: Option<u64>,
    instant_mw: Option<f64>,
    average_mw: Option<f64>,
    has_mig: bool,
    model: Option<&'static str>,
    instances: Vec<String>,
}

struct Driver(Mutex<Vec<Fake>>);

impl Driver {
    fn new(gpus: &[Fake]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(gpus.to_vec())))
    }

    fn of<T>(&self, gpu: u32, read: impl Fn(&Fake) -> Option<T>) -> Result<T, String> {
        let gpus = self.0.lock().unwrap();
        let gpu = gpus.get(gpu as usize).ok_or("GPU is lost")?;
        read(gpu).ok_or_else(|| "not supported".to_owned())
    }
}

impl Gpus for Driver {
    fn count(&self) -> Result<u32, String> {
        Ok(self.0.lock().unwrap().len() as u32)
    }
    fn info(&self, gpu: u32) -> Result<GpuInfo, String> {
        Ok(GpuInfo {
            name: self.of(gpu, |fake| {
                let model = fake.model.map(str::to_owned);
                Some(model.unwrap_or_else(|| format!("Model {gpu}")))
            })?,
            uuid: format!("GPU-{gpu}{gpu}"),
            has_mig: self.of(gpu, |fake| Some(fake.has_mig))?,
        })
    }
    fn mig_uuids(&self, gpu: u32) -> Vec<String> {
        let uuids = self.of(gpu, |fake| Some(fake.instances.clone()));
        uuids.unwrap_or_default()
    }
    fn energy_mj(&self, gpu: u32) -> Result<u64, String> {
        self.of(gpu, |fake| fake.energy_mj)
    }
    fn instant_mw(&self, gpu: u32) -> Result<f64, String> {
        self.of(gpu, |fake| fake.instant_mw)
    }
    fn average_mw(&self, gpu: u32) -> Result<f64, String> {
        self.of(gpu, |fake| fake.average_mw)
    }
}

const INTERVAL: Nanos = Nanos::from_millis(100);
const ALL: Visible = Visible {
    devices: None,
    order: None,
};

fn counting(energy_mj: u64) -> Fake {
    Fake {
        energy_mj: Some(energy_mj),
        average_mw: Some(1.0),
        ..Fake::default()
    }
}

#[test]
fn the_best_supported_method_is_used() {
    let instant = Fake {
        instant_mw: Some(50_000.0),
        average_mw: Some(1.0),
        ..Fake::default()
    };
    let average = Fake {
        average_mw: Some(30_000.0),
        has_mig: true,
        ..Fake::default()
    };
    let driver = Driver::new(&[counting(1_000), instant, average, Fake::default()]);
    let mut left_out = Vec::new();
    let mut source = open_with(Arc::clone(&driver) as _, &ALL, INTERVAL, &mut left_out).unwrap();
    let description = source.describe();
    let names: Vec<_> = description
        .rails
        .iter()
        .map(|rail| rail.name.as_str())
        .collect();
    assert_eq!(names, ["gpu-0", "gpu-1", "gpu-2"]);
    assert_eq!(description.kernel, Kernel::Trailing(AVERAGE));
    let text = description.limits.join("\n");
    assert!(
        text.contains("GPU 0, Model 0: by its energy counter"),
        "{text}"
    );
    assert!(text.contains("MIG"), "{text}");
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    assert_eq!(left_out[0].sensor, "nvml GPU 3 (Model 3)");
    assert!(left_out[0].why.starts_with("it reports no power"));

    let clock = ManualClock::default();
    source.start(&clock).unwrap();
    driver.0.lock().unwrap()[0] = counting(3_500);
    clock.set(INTERVAL);
    let mut reading = Reading::default();
    source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
    let joules = reading
        .samples
        .iter()
        .map(|one| one.energy.unwrap().joules());
    assert_eq!(joules.collect::<Vec<_>>(), [2.5, 5.0, 3.0]);
}

#[test]
fn power_of_gpus_with_a_counter_can_be_opened() {
    let both = Fake {
        instant_mw: Some(20_000.0),
        ..counting(1_000)
    };
    let driver = Driver::new(&[
        both,
        counting(7),
        Fake {
            average_mw: Some(1.0),
            ..Fake::default()
        },
    ]);
    let source = open_power_with(driver, &ALL, INTERVAL).unwrap();
    let description = source.describe();
    assert_eq!(description.name, "nvml power");
    let text = description.limits.join("\n");
    assert!(
        text.contains("0, Model 0: by instantaneous power"),
        "{text}"
    );
    assert!(text.contains("1, Model 1: by the mean power"), "{text}");
    assert_eq!(
        description.rails.len(),
        2,
        "without a counter there is nothing to check"
    );
}

#[test]
fn energy_is_unknown_once_a_gpu_is_lost() {
    let driver = Driver::new(&[counting(5)]);
    let mut left_out = Vec::new();
    let mut source = open_with(Arc::clone(&driver) as _, &ALL, INTERVAL, &mut left_out).unwrap();
    assert_eq!(source.describe().rails[0].name, "gpu");
    let clock = ManualClock::default();
    source.start(&clock).unwrap();
    driver.0.lock().unwrap().clear();
    let mut reading = Reading::default();
    for at in 1..4 {
        clock.set(Nanos::from_millis(100 * at));
        source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
    }
    assert!(reading.samples.iter().all(|sample| sample.energy.is_none()));
    assert_eq!(reading.samples.len(), 3);
    let messages: Vec<_> = reading
        .notices
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(messages, ["nvml gpu: GPU 0: failed for now: GPU is lost"]);
}

/// Returns the names of the rails with these variables, and their limits and warnings.
fn visible(gpus: &[Fake], devices: &str, order: Option<&str>) -> (Vec<String>, String) {
    let visible = Visible {
        devices: Some(devices.to_owned()),
        order: order.map(str::to_owned),
    };
    match open_with(Driver::new(gpus), &visible, INTERVAL, &mut Vec::new()) {
        Ok(source) => {
            let Description { rails, limits, .. } = source.describe();
            let names = rails.into_iter().map(|rail| rail.name);
            let text = [limits, source.warnings()].concat();
            (names.collect(), text.join("\n"))
        }
        Err(error) => (Vec::new(), error.to_string()),
    }
}

fn of_model(model: &'static str) -> Fake {
    Fake {
        model: Some(model),
        ..counting(1)
    }
}

#[test]
fn only_visible_gpus_are_read() {
    let gpus = [of_model("A"), of_model("A"), of_model("A")];
    let names = |devices: &str| visible(&gpus, devices, None).0;
    assert_eq!(names(""), [""; 0], "an empty list hides all");
    assert_eq!(names("2,0"), ["gpu-0", "gpu-2"]);
    assert_eq!(names("GPU-11"), ["gpu"]);
    assert_eq!(names("0,nonsense,1"), ["gpu"]);
    assert_eq!(names("0,7,1"), ["gpu"]);
    assert_eq!(names("-1"), [""; 0]);
}

#[test]
fn all_gpus_are_read_if_numbers_are_ambiguous() {
    let gpus = [of_model("slow"), of_model("fast")];
    let (names, text) = visible(&gpus, "0", None);
    assert_eq!(names, ["gpu-0", "gpu-1"]);
    assert!(text.contains("CUDA_DEVICE_ORDER"), "{text}");
    for (devices, order) in [("0", Some("PCI_BUS_ID")), ("GPU-00", None)] {
        let (names, text) = visible(&gpus, devices, order);
        assert_eq!(names, ["gpu"]);
        assert!(!text.contains("CUDA_DEVICE_ORDER"), "{text}");
    }
    let (names, text) = visible(&gpus, "1,0", None);
    assert_eq!(names.len(), 2);
    assert!(!text.contains("CUDA_DEVICE_ORDER"), "all are named: {text}");
}

#[test]
fn names_of_instances_select_their_gpu() {
    let divided = |instances: &[&str]| Fake {
        has_mig: true,
        instances: instances.iter().map(|one| (*one).to_owned()).collect(),
        ..of_model("A")
    };
    let gpus = [
        of_model("A"),
        divided(&["MIG-aa", "MIG-ab"]),
        divided(&["MIG-ba"]),
    ];
    let gpu = |devices: &str| {
        let text = visible(&gpus, devices, None).1;
        let mut numbers = 0..3;
        numbers.find(|gpu| text.contains(&format!("GPU {gpu}, A: by")))
    };
    assert_eq!(gpu("MIG-ba"), Some(2));
    assert_eq!(gpu("MIG-ab"), Some(1));
    assert_eq!(gpu("MIG-GPU-11/3/0"), Some(1));
    assert_eq!(gpu("MIG-none"), None);
    // If the driver names no instances, all divided GPUs are selected.
    let gpus = [of_model("A"), divided(&[])];
    assert_eq!(visible(&gpus, "MIG-aa", None).0, ["gpu"]);
}

#[test]
fn a_lost_gpu_does_not_hide_the_others() {
    struct OneLost(Arc<Driver>);
    impl Gpus for OneLost {
        fn count(&self) -> Result<u32, String> {
            self.0.count()
        }
        fn info(&self, gpu: u32) -> Result<GpuInfo, String> {
            match gpu {
                0 => Err("it fell off the bus".to_owned()),
                _ => self.0.info(gpu),
            }
        }
        fn mig_uuids(&self, gpu: u32) -> Vec<String> {
            self.0.mig_uuids(gpu)
        }
        fn energy_mj(&self, gpu: u32) -> Result<u64, String> {
            self.0.energy_mj(gpu)
        }
        fn instant_mw(&self, gpu: u32) -> Result<f64, String> {
            self.0.instant_mw(gpu)
        }
        fn average_mw(&self, gpu: u32) -> Result<f64, String> {
            self.0.average_mw(gpu)
        }
    }
    let driver = OneLost(Driver::new(&[counting(1), counting(2)]));
    let mut left_out = Vec::new();
    let source = open_with(Arc::new(driver), &ALL, INTERVAL, &mut left_out).unwrap();
    assert_eq!(source.describe().rails.len(), 1);
    assert_eq!(left_out[0].sensor, "nvml GPU 0");
    assert!(left_out[0].is_fault);
}

#[test]
fn power_is_read_if_the_counter_is_frozen() {
    let dead = Fake {
        energy_mj: Some(0),
        average_mw: Some(70_000.0),
        ..Fake::default()
    };
    let mut left_out = Vec::new();
    let driver = Driver::new(&[dead]);
    let mut source = open_with(driver, &ALL, INTERVAL, &mut left_out).unwrap();
    let clock = ManualClock::default();
    source.start(&clock).unwrap();
    let mut reading = Reading::default();
    for at in 1..=20 {
        clock.set(Nanos::from_millis(100 * at));
        source.read(&clock, Nanos::ZERO, &mut reading).unwrap();
    }
    let energies = reading.samples.iter().filter_map(|one| one.energy);
    let joules: f64 = energies.map(|energy| energy.joules()).sum();
    assert!((joules - 140.0).abs() < 1e-9, "{joules}");
    let kinds: Vec<_> = reading.notices.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["frozen"]);
}

#[test]
fn opening_without_a_gpu_is_an_error() {
    let none = open_with(Driver::new(&[]), &ALL, INTERVAL, &mut Vec::new());
    let Err(error) = none else { panic!("opened") };
    assert_eq!(
        error.to_string(),
        "NVIDIA GPUs: there is no GPU: not present"
    );
}
