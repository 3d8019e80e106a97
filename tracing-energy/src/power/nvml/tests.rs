use std::sync::Mutex;

use super::*;
use crate::clock::ManualClock;
use crate::power::{PowerSource, Reading};

/// A GPU as its driver may tell it; what is none is not supported.
#[derive(Clone, Default)]
struct Fake {
    energy_mj: Option<u64>,
    instant_mw: Option<f64>,
    average_mw: Option<f64>,
    has_mig: bool,
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
    fn about(&self, gpu: u32) -> Result<About, String> {
        Ok(About {
            name: format!("Model {gpu}"),
            uuid: format!("GPU-{gpu}{gpu}"),
            has_mig: self.of(gpu, |fake| Some(fake.has_mig))?,
        })
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

fn counting(energy_mj: u64) -> Fake {
    Fake {
        energy_mj: Some(energy_mj),
        average_mw: Some(1.0),
        ..Fake::default()
    }
}

#[test]
fn the_best_way_that_works_is_taken() {
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
    let mut source = open_with(Arc::clone(&driver) as _, None, INTERVAL).unwrap();
    let description = source.describe();
    let names: Vec<_> = description
        .rails
        .iter()
        .map(|rail| rail.name.as_str())
        .collect();
    assert_eq!(names, ["gpu-0", "gpu-1", "gpu-2"]);
    assert_eq!(description.kernel, Kernel::Trailing(AVERAGE));
    let said = description.limits.join("\n");
    assert!(
        said.contains("GPU 0, Model 0: by its energy counter"),
        "{said}"
    );
    assert!(
        said.contains("MIG") && said.contains("GPU 3 (Model 3) tells no power"),
        "{said}"
    );

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
fn a_counter_can_be_held_against_power() {
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
    let source = open_power_with(driver, None, INTERVAL).unwrap();
    let description = source.describe();
    assert_eq!(description.name, "nvml power");
    let said = description.limits.join("\n");
    assert!(
        said.contains("0, Model 0: by instantaneous power"),
        "{said}"
    );
    assert!(said.contains("1, Model 1: by the mean power"), "{said}");
    assert_eq!(
        description.rails.len(),
        2,
        "without a counter there is nothing to check"
    );
}

#[test]
fn a_gpu_that_is_lost_is_unknown_from_then_on() {
    let driver = Driver::new(&[counting(5)]);
    let mut source = open_with(Arc::clone(&driver) as _, None, INTERVAL).unwrap();
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

#[test]
fn only_visible_gpus_are_read() {
    let gpus = [counting(1), counting(2), counting(3)];
    let names = |visible: &str| {
        let source = open_with(Driver::new(&gpus), Some(visible), INTERVAL);
        let rails = source.map(|source| source.describe().rails);
        let names = rails.map(|rails| rails.into_iter().map(|rail| rail.name).collect::<Vec<_>>());
        names.unwrap_or_default()
    };
    assert_eq!(names(""), ["gpu-0", "gpu-1", "gpu-2"]);
    assert_eq!(names("2,0"), ["gpu-0", "gpu-2"]);
    assert_eq!(names("GPU-11"), ["gpu"]);
    assert_eq!(names("0,nonsense,1"), ["gpu"]);
    assert_eq!(names("-1"), [""; 0]);
}

#[test]
fn without_a_gpu_there_is_no_source() {
    let none = open_with(Driver::new(&[]), None, INTERVAL);
    let Err(error) = none else { panic!("opened") };
    assert_eq!(
        error.to_string(),
        "NVIDIA GPUs: there is no GPU: not present"
    );
}
