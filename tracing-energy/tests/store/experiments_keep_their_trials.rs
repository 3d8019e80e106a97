//! Experiments and trials: their states, their runs, and what deleting and merging does to them.

use std::path::Path;

use crate::store_support::{EXPERIMENT as ID, ended, experiment, trial, write};
use energy_data::rows::{RunStatus, TrialRow, TrialStatus};
use energy_store::{MergeSource, NameUser, RunExclusion, Store, TrialEnd};

const EXCLUSION: RunExclusion<'static> = RunExclusion {
    group: "group",
    mark: "replaced",
    reason: "why",
};

fn store(path: &Path, trials: i64) -> Store {
    let store = Store::create(path).expect("a new file");
    let trials: Vec<TrialRow> = (1..=trials).map(trial).collect();
    let inserted = store.insert_experiment(&experiment(), &trials, "group");
    assert_eq!(inserted.expect("inserted"), None);
    store
}

fn record(path: &Path, uuid: &str) {
    record_as(RunStatus::Complete, path, uuid);
}

fn record_as(status: RunStatus, path: &Path, uuid: &str) {
    let mut run = ended(uuid);
    if let Some(run) = &mut run.run {
        run.status = status;
    }
    write(path, &run);
}

fn end(status: TrialStatus, error: Option<&str>) -> TrialEnd {
    TrialEnd {
        status,
        duration_ns: Some(5),
        error: error.map(str::to_owned),
        warning: None,
    }
}

#[test]
fn trials_are_read_as_written_through_all_states() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder.path().join("a.db"), 2);
    assert_eq!(store.experiments().expect("read"), [experiment()]);
    assert_eq!(store.experiment("other").expect("read"), None);
    assert_eq!(store.trials(ID).expect("read"), [trial(1), trial(2)]);
    store.start_trial(ID, 1, "u", 9).expect("started");
    let started = TrialRow {
        status: TrialStatus::Running,
        run_uuid: Some("u".into()),
        start_unix_ns: Some(9),
        ..trial(1)
    };
    assert_eq!(store.trial(ID, 1).expect("read"), Some(started.clone()));
    let failed = end(TrialStatus::Failed, Some("no memory"));
    store.end_trial(ID, 1, &failed, None).expect("ended");
    let ended = TrialRow {
        status: TrialStatus::Failed,
        duration_ns: Some(5),
        error: Some("no memory".into()),
        ..started
    };
    assert_eq!(store.trial(ID, 1).expect("read"), Some(ended));
    store.reset_trial(ID, 1).expect("reset");
    assert_eq!(store.trials(ID).expect("read"), [trial(1), trial(2)]);
    store.replace_trial(ID, 2, &EXCLUSION).expect("replaced");
    let all = store.trials(ID).expect("read");
    let replaced = TrialRow {
        status: TrialStatus::Replaced,
        ..trial(2)
    };
    let added = TrialRow {
        no: 3,
        position: 3,
        ..trial(2)
    };
    assert_eq!(all, [trial(1), replaced, added]);
    assert!(store.replace_trial(ID, 9, &EXCLUSION).is_err());
    store.set_plan(ID, "{\"a\":1}").expect("changed");
    let row = store.experiment(ID).expect("read").expect("a row");
    assert_eq!(row.plan, "{\"a\":1}");
    let mut twice = experiment();
    twice.name = "another".into();
    let twice = store.insert_experiment(&twice, &[], "group");
    assert!(twice.is_err(), "ids are unique");
}

#[test]
fn a_trial_is_replaced_with_the_tags_of_its_run_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = store(&path, 1);
    store.start_trial(ID, 1, "one", 9).expect("started");
    record(&path, "one");
    let complete = end(TrialStatus::Complete, None);
    store.end_trial(ID, 1, &complete, None).expect("ended");
    store.set_tag(&[1], "group", "g").expect("tagged");
    // The last statement of the change fails, as after a kill.
    let other = rusqlite::Connection::open(&path).expect("opens");
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON run_tags WHEN new.key = 'replaced'
                  BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(refuse).expect("a trigger");
    assert!(store.replace_trial(ID, 1, &EXCLUSION).is_err());
    let trials = store.trials(ID).expect("read");
    assert_eq!(trials.len(), 1, "{trials:?}");
    assert_eq!(trials[0].status, TrialStatus::Complete);
    let has = |key: &str| {
        let sql = "SELECT count(*) FROM run_tags WHERE key = ?1";
        let count = other.query_row(sql, [key], |r| r.get::<_, i64>(0));
        count.expect("a count") == 1
    };
    assert!(has("group"));
    other
        .execute_batch("DROP TRIGGER refuse")
        .expect("no trigger");
    store.replace_trial(ID, 1, &EXCLUSION).expect("replaced");
    let trials = store.trials(ID).expect("read");
    assert_eq!(trials[0].status, TrialStatus::Replaced);
    assert_eq!(trials[1].status, TrialStatus::Pending);
    assert!(has("replaced"));
    assert!(!has("group"));
}

#[test]
fn an_experiment_is_deleted_with_its_last_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = store(&path, 2);
    for (no, uuid) in [(1, "one"), (2, "two")] {
        store.start_trial(ID, no, uuid, 9).expect("started");
        record(&path, uuid);
        let complete = end(TrialStatus::Complete, None);
        store.end_trial(ID, no, &complete, None).expect("ended");
    }
    let uuids = store.complete_runs(ID).expect("read");
    assert_eq!(uuids.into_iter().collect::<Vec<_>>(), ["one", "two"]);
    let status = store.stored_status("two").expect("read");
    assert_eq!(status, Some((2, "complete".to_owned())));
    store.delete_run(1).expect("deleted");
    assert_eq!(store.trials(ID).expect("read").len(), 2, "a run remains");
    // A run that is being recorded is not in the file yet.
    store.start_trial(ID, 1, "three", 9).expect("started");
    store.delete_run(2).expect("deleted");
    assert_eq!(store.trials(ID).expect("read").len(), 2, "one is recorded");
    record(&path, "three");
    let complete = end(TrialStatus::Complete, None);
    store.end_trial(ID, 1, &complete, None).expect("ended");
    let no = store
        .stored_status("three")
        .expect("read")
        .expect("a run")
        .0;
    store.delete_run(no).expect("deleted");
    assert_eq!(store.experiments().expect("read"), []);
    assert_eq!(store.trials(ID).expect("read"), []);
}

#[test]
fn merging_copies_experiments_that_are_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    let [from, into] = ["a.db", "b.db"].map(|name| folder.path().join(name));
    drop(store(&from, 3));
    let target = Store::create(&into).expect("a new file");
    let source = MergeSource::open(&from, folder.path()).expect("a source");
    let copied = target.merge().experiments(&source);
    assert_eq!(copied.expect("copied"), 1);
    assert_eq!(target.experiments().expect("read"), [experiment()]);
    assert_eq!(target.trials(ID).expect("read").len(), 3);
    target.start_trial(ID, 1, "u", 9).expect("started");
    let copied = target.merge().experiments(&source);
    assert_eq!(copied.expect("copied"), 0);
    let first = target.trial(ID, 1).expect("read").expect("a trial");
    assert_eq!(first.status, TrialStatus::Running, "it is unchanged");
}

#[test]
fn a_file_opened_for_reading_is_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    drop(store(&path, 1));
    let reading = Store::open(&path).expect("opens");
    assert!(reading.reset_trial(ID, 1).is_err());
    assert_eq!(reading.trials(ID).expect("read"), [trial(1)]);
}

/// Tags about the results of the run with that id.
fn tags(store: &Store, uuid: &str) -> Vec<(String, String)> {
    let sql = "SELECT t.key, t.value FROM run_tags t JOIN runs r ON r.no = t.run
               WHERE r.uuid = ?1 AND t.key IN ('group', 'replaced') ORDER BY t.key";
    let mut statement = store.connection().prepare(sql).expect("a query");
    let rows = statement.query_map([uuid], |r| Ok((r.get(0)?, r.get(1)?)));
    rows.expect("tags").map(|tag| tag.expect("a tag")).collect()
}

#[test]
fn runs_of_trials_that_do_not_count_leave_their_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let store = store(&path, 4);
    for (no, uuid) in [(1, "failed"), (2, "counts"), (3, "old"), (4, "cancelled")] {
        store.start_trial(ID, no, uuid, 9).expect("started");
        match uuid {
            "cancelled" => record_as(RunStatus::Cancelled, &path, uuid),
            _ => record(&path, uuid),
        }
        let (run, _) = store.stored_status(uuid).expect("read").expect("a run");
        store.set_tag(&[run], "group", "g").expect("a tag");
    }
    let failed = end(TrialStatus::Failed, Some("timeout"));
    let complete = end(TrialStatus::Complete, None);
    let stored = [
        store.end_trial(ID, 1, &failed, Some(&EXCLUSION)),
        store.end_trial(ID, 2, &complete, None),
        store.replace_trial(ID, 3, &EXCLUSION),
        store.end_trial(ID, 4, &failed, Some(&EXCLUSION)),
    ];
    stored
        .into_iter()
        .for_each(|stored| stored.expect("stored"));
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    assert_eq!(tags(&store, "failed"), pair("replaced", "why"));
    assert_eq!(tags(&store, "counts"), pair("group", "g"));
    assert_eq!(tags(&store, "old"), pair("replaced", "why"));
    // A run that is not complete counts nowhere, and shows how far it came.
    assert_eq!(tags(&store, "cancelled"), pair("group", "g"));
    store.exclude_run(ID, 2, &EXCLUSION).expect("excluded");
    assert_eq!(tags(&store, "counts"), pair("replaced", "why"));
}

#[test]
fn a_name_is_taken_once_by_concurrent_writers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let insert = |id: &str, name: &str| {
        let mut row = experiment();
        (row.id, row.name) = (id.to_owned(), name.to_owned());
        let store = Store::create(&path).expect("a file");
        let inserted = store.insert_experiment(&row, &[trial(1)], "group");
        inserted.expect("no error")
    };
    let barrier = std::sync::Barrier::new(4);
    let users: Vec<Option<NameUser>> = std::thread::scope(|scope| {
        let begin = |id: usize| {
            let (insert, barrier) = (&insert, &barrier);
            scope.spawn(move || {
                barrier.wait();
                insert(&id.to_string(), "same")
            })
        };
        let threads: Vec<_> = (0..4).map(begin).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(|user| user.expect("no panic")).collect()
    });
    let taken = |user: &&Option<NameUser>| **user == Some(NameUser::Experiment);
    assert_eq!(users.iter().filter(taken).count(), 3, "{users:?}");
    assert_eq!(users.iter().filter(|user| user.is_none()).count(), 1);
    let store = Store::open_writable(&path).expect("a file");
    assert_eq!(store.experiments().expect("read").len(), 1);

    record(&path, "grouped");
    let (run, _) = store
        .stored_status("grouped")
        .expect("read")
        .expect("a run");
    store.set_tag(&[run], "group", "mine").expect("a tag");
    assert_eq!(insert("5", "mine"), Some(NameUser::Runs));
    assert_eq!(insert("6", "other"), None);
}
