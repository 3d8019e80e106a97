//! A follower reports what another process records, each row once. `kill -9` of that process shows
//! as crashed, and the file is not changed by it.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use energy_data::rows::{Role, RunStatus, SpanRow};
use energy_store::Store;
use energy_tests::{send, until};
use tracing_energy::live::{FollowFrom, Follower, Update};

/// What was received about a run.
#[derive(Default)]
struct Watched {
    spans: BTreeMap<u64, SpanRow>,
    samples: usize,
    powers: usize,
    token_energies: usize,
    tokens: Option<u32>,
    ended: Option<RunStatus>,
}

impl Watched {
    fn poll(&mut self, follower: &mut Follower) {
        for update in follower.wait(Duration::from_millis(100)).expect("readable") {
            match update {
                Update::Rows { batch, .. } => {
                    for row in &batch.spans {
                        let before = self.spans.insert(row.seq, *row);
                        assert!(
                            before.is_none_or(|before| before.end_ns.is_none()),
                            "{row:?}"
                        );
                    }
                    self.samples += batch.samples.len();
                    self.powers += batch.attribution.window_power.len();
                    self.token_energies += batch.attribution.span_energy.len();
                    let is_token = |row: &&_| {
                        matches!(
                            row,
                            energy_data::rows::CallsiteRow {
                                role: Some(Role::Token),
                                ..
                            }
                        )
                    };
                    let token = batch.callsites.iter().find(is_token);
                    self.tokens = self.tokens.or(token.map(|row| row.id));
                }
                Update::Ended { status, .. } => self.ended = Some(status),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_follower_sees_another_process_and_its_death() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let program = env!("CARGO_BIN_EXE_recorded-program");
    let mut child = Command::new(program)
        .args([path.as_os_str(), "killed".as_ref()])
        .spawn()
        .expect("the program");
    until("the file", || {
        Store::open(&path).is_ok_and(|store| store.runs().is_ok_and(|runs| !runs.is_empty()))
    });
    let mut follower = Follower::open_from(&path, FollowFrom::Beginning).expect("opens");
    let mut watched = Watched::default();
    until("energies of tokens", || {
        watched.poll(&mut follower);
        watched.token_energies > 20
    });
    assert!(watched.tokens.is_some() && watched.samples > 0 && watched.powers > 0);
    send(&child, libc::SIGKILL);
    child.wait().expect("reaped");
    until("its end", || {
        watched.poll(&mut follower);
        watched.ended.is_some()
    });
    assert_eq!(watched.ended, Some(RunStatus::Crashed));
    let store = Store::open(&path).expect("readable");
    let run = store.runs().expect("readable").pop().expect("a run");
    assert_eq!(
        run.row.status,
        RunStatus::Running,
        "the follower writes nothing"
    );
    let stored = store
        .spans(run.no)
        .and_then(|rows| rows.all())
        .expect("readable");
    let seen: Vec<SpanRow> = watched.spans.into_values().collect();
    assert_eq!(seen, stored);
    let samples = store
        .samples(run.no)
        .and_then(|rows| rows.all())
        .expect("readable");
    assert_eq!(watched.samples, samples.len());
}
