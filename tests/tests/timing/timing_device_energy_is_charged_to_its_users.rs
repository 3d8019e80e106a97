//! The energy of a GPU that another process uses is not charged to a program that works on
//! the CPU; the file has the users, and a second attribution gives the same.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use energy_data::AttributeOptions;
use energy_data::units::{Nanos, Power};
use energy_power::users::{DeviceUse, DeviceUsers};
use energy_power::{
    Description, Kernel, PowerSource, Provenance, Rail, RailKind, Reading, Sample, SourceError,
};
use energy_store::reattribute;
use energy_tests::{StoredRun, burn, record_with};
use tracing::info_span;
use tracing_energy::{Clock, EnergyLayer};

const STEP: Nanos = Nanos::from_millis(50);
const GPU: Power = Power::from_watts(40.0);

/// Whether the program's GPU kernels run.
static WORKS: AtomicBool = AtomicBool::new(false);

/// A GPU of 40 W; another process keeps it busy three quarters of the time, or the
/// program one quarter besides.
struct Gpu {
    last: Nanos,
    users: Option<Users>,
}

struct Users;

impl DeviceUsers for Users {
    fn read(&mut self, elapsed: Nanos, _: &[u32]) -> Option<DeviceUse> {
        let part = |share: f64| Nanos::from_nanos((elapsed.nanos() as f64 * share) as i64);
        let own = if WORKS.load(Ordering::Relaxed) {
            0.25
        } else {
            0.0
        };
        Some(DeviceUse {
            by_process: vec![(std::process::id(), part(own)), (1, part(0.75))],
            hidden: Nanos::ZERO,
            is_partial: false,
        })
    }
}

impl PowerSource for Gpu {
    fn describe(&self) -> Description {
        Description {
            name: "fake".to_owned(),
            rails: vec![Rail {
                name: "gpu".to_owned(),
                kind: RailKind::Gpu,
                parent: None,
                unit: "mJ",
            }],
            interval: STEP,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
            limits: Vec::new(),
        }
    }

    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
        self.last = clock.now();
        Ok(())
    }

    fn read(
        &mut self,
        clock: &dyn Clock,
        _: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError> {
        std::thread::sleep(Duration::from_millis(50));
        self.stop(clock, reading);
        Ok(())
    }

    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
        let (start, end) = (self.last, clock.now());
        self.last = end;
        reading.samples.push(Sample {
            rail: 0,
            start,
            end,
            energy: Some(GPU * (end - start)),
        });
    }

    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        let users = self.users.take().into_iter();
        users.map(|users| (0, Box::new(users) as _)).collect()
    }
}

/// A run of a second of CPU work, of which the GPU's users are known or not.
fn record(path: &Path, users: Option<Users>) -> (StoredRun, String) {
    let gpu = Gpu {
        last: Nanos::ZERO,
        users,
    };
    let builder = EnergyLayer::builder().database(path).power_source(gpu);
    let summary = record_with(builder, || {
        info_span!("cpu work").in_scope(|| burn(Duration::from_millis(1_000)));
    });
    let run = StoredRun::open(path, "last");
    run.assert_closed();
    run.assert_balanced();
    (run, summary.uuid)
}

fn account(run: &StoredRun, name: &str) -> f64 {
    run.number(&format!(
        "SELECT coalesce({name}_j, 0) FROM balance WHERE run = ?1
         AND attribution = (SELECT max(id) FROM attributions WHERE run = ?1)"
    ))
}

#[test]
fn spans_on_the_cpu_get_no_energy_of_a_gpu_that_another_process_uses() {
    crate::undisturbed(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("energy.db");

        let (unread, _) = record(&path, None);
        let measured = account(&unread, "measured");
        assert!(measured > 30.0, "{measured} J");
        assert_eq!(account(&unread, "spans"), 0.0);
        assert!((account(&unread, "unknown") - measured).abs() < 1e-9 * measured);
        drop(unread);

        let (used, _) = record(&path, Some(Users));
        let measured = account(&used, "measured");
        assert_eq!(account(&used, "spans"), 0.0);
        assert!(account(&used, "other_processes") > 0.8 * measured);
        drop(used);

        WORKS.store(true, Ordering::Relaxed);
        let (shared, uuid) = record(&path, Some(Users));
        let measured = account(&shared, "measured");
        // A quarter of four quarters, while the span is active.
        let spans = account(&shared, "spans") / measured;
        assert!((0.15..=0.26).contains(&spans), "{spans}");
        let names = ["spans", "unattributed", "other_processes", "unknown"];
        let before = names.map(|name| account(&shared, name));
        drop(shared);
        reattribute(&path, &uuid, &AttributeOptions::default()).expect("attributed again");
        let again = StoredRun::open(&path, &uuid);
        for (name, before) in names.into_iter().zip(before) {
            let now = account(&again, name);
            assert!(
                (now - before).abs() <= 1e-9 * measured,
                "{name}: {before}, then {now}"
            );
        }
    });
}
