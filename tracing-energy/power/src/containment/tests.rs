use super::*;
use energy_data::units::Energy;

fn member(source: &str, rail: &str, placement: Placement) -> Member {
    Member {
        source: source.into(),
        rail: rail.into(),
        kind: names::kind(rail),
        declared: None,
        placement,
    }
}

/// Rails of one table with constant powers over four seconds; `None` is unknown.
fn table(rails: &[(&str, Option<f64>)]) -> (Vec<Member>, Observed) {
    let mut observed = Observed::default();
    for (at, (_, watts)) in rails.iter().enumerate() {
        for window in 0..40 {
            let [start, end] = [window, window + 1].map(|at| Nanos::from_millis(100 * at));
            observed.add(
                at,
                start,
                end,
                watts.map(|watts| Energy::from_joules(watts / 10.0)),
            );
        }
    }
    observed.is_complete = true;
    let members = rails
        .iter()
        .map(|(name, _)| member("t", name, Placement::Unknown));
    (members.collect(), observed)
}

/// Returns the sum of the root rails in watts.
fn total(members: &[Member], observed: &Observed, decided: &Containment) -> f64 {
    let roots = (0..members.len()).filter(|&at| decided.places[at] == Place::Root);
    let watts: f64 = roots.filter_map(|at| observed.mean_w(at)).sum();
    (watts * 10.0).round() / 10.0
}

fn decided(rails: &[(&str, Option<f64>)]) -> (f64, Vec<String>) {
    let (members, observed) = table(rails);
    let decided = decide(&members, &observed);
    let notes = decided.notes.iter().map(|note| note.message.clone());
    (total(&members, &observed, &decided), notes.collect())
}

fn known(rails: &[(&str, f64)]) -> (f64, Vec<String>) {
    let rails: Vec<_> = rails.iter().map(|(name, w)| (*name, Some(*w))).collect();
    decided(&rails)
}

#[test]
fn a_gpu_that_draws_more_than_its_package_is_a_card() {
    let (total, notes) = known(&[("package", 30.0), ("gpu", 250.0)]);
    assert_eq!(total, 280.0);
    assert!(notes[0].contains("card of its own"), "{notes:?}");
    let (total, notes) = known(&[("package", 30.0), ("gpu", 4.0)]);
    assert_eq!(total, 30.0);
    assert!(notes[0].contains("assumed to be part of"), "{notes:?}");
    let cards = [("package-0", 50.0), ("gpu0", 20.0), ("gpu1", 30.0)];
    assert_eq!(known(&cards).0, 100.0);
    let sockets = [("package-0", 50.0), ("package-1", 50.0), ("gpu", 20.0)];
    assert_eq!(known(&sockets).0, 120.0);
    assert_eq!(known(&[("package", 50.0), ("dgpu", 20.0)]).0, 70.0);
    assert_eq!(
        known(&[("package", 50.0), ("uncore", 20.0)]),
        (50.0, vec![])
    );
}

#[test]
fn a_gpu_that_draws_more_than_its_package_part_of_the_time_is_a_card() {
    let (members, mut observed) = table(&[("package", Some(40.0))]);
    let members = [members, vec![member("t", "gpu", Placement::Unknown)]].concat();
    for window in 0..40 {
        let [start, end] = [window, window + 1].map(|at| Nanos::from_millis(100 * at));
        let joules = if (10..20).contains(&window) {
            12.0
        } else {
            0.1
        };
        observed.add(1, start, end, Some(Energy::from_joules(joules)));
    }
    assert!(observed.mean_w(1) < observed.mean_w(0));
    assert_eq!(decide(&members, &observed).places[1], Place::Root);
}

#[test]
fn a_whole_that_draws_less_than_its_parts_is_not_counted() {
    for psys in [Some(0.0), Some(12.0), Some(30.0), None] {
        let rails = [
            ("package-0", Some(31.0)),
            ("dram", Some(4.0)),
            ("psys", psys),
        ];
        let (total, notes) = decided(&rails);
        assert_eq!(total, 35.0, "{psys:?}");
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].starts_with("t psys"), "{notes:?}");
        assert!(notes[0].contains("cannot be the whole"), "{notes:?}");
    }
    let whole = known(&[("package-0", 31.0), ("dram", 4.0), ("psys", 60.0)]);
    assert_eq!(whole, (60.0, vec![]));
}

#[test]
fn a_machine_rail_contains_the_rails_that_fit_and_other_cards_are_outside() {
    let all = [
        ("wall", 200.0),
        ("package", 60.0),
        ("gpu0", 50.0),
        ("gpu1", 50.0),
    ];
    assert_eq!(known(&all), (200.0, vec![]));
    let (total, notes) = known(&[("psys", 60.0), ("package", 30.0), ("gpu", 300.0)]);
    assert_eq!(total, 360.0, "{notes:?}");
    let (total, notes) = known(&[("system", 60.0), ("package", 30.0), ("gpu", 300.0)]);
    assert_eq!(total, 360.0);
    assert!(
        notes.iter().any(|note| note.contains("does not fit")),
        "{notes:?}"
    );
    let nested = [
        ("wall", 100.0),
        ("total", 90.0),
        ("psys", 60.0),
        ("cpu", 20.0),
    ];
    assert_eq!(known(&nested).0, 100.0);
}

#[test]
fn rails_of_the_same_domain_count_once() {
    let doubled = [
        ("cpu", 10.0),
        ("core", 9.9),
        ("P-Cluster", 8.0),
        ("E-Cluster", 1.9),
        ("core0", 4.0),
        ("core1", 5.9),
    ];
    assert_eq!(known(&doubled), (10.0, vec![]));
    let with_package = [
        ("package", 14.0),
        ("cpu", 10.0),
        ("cores", 10.0),
        ("ane", 1.0),
    ];
    assert_eq!(known(&with_package), (14.0, vec![]));
    let (total, notes) = known(&[("cpu", 3.0), ("p-cluster", 8.0), ("e-cluster", 2.0)]);
    assert_eq!(total, 10.0);
    assert!(notes[0].contains("t cpu reads 3.0 W"), "{notes:?}");
    let sockets = [("package-0", 20.0), ("package-1", 21.0), ("cpu", 41.2)];
    assert_eq!(known(&sockets).0, 41.0);
    let cards = [("gpu", 90.0), ("gpu0", 40.0), ("gpu1", 50.0)];
    assert_eq!(known(&cards).0, 90.0);
    let (total, notes) = known(&[("package-0", 20.0), ("package-1", 20.0), ("cpu", 60.0)]);
    assert_eq!(total, 60.0, "{notes:?}");
}

#[test]
fn dies_with_one_counter_count_once_and_sockets_each() {
    let dies = [("package-0-die-0", 70.0), ("package-0-die-1", 70.0)];
    let (total, notes) = known(&dies);
    assert_eq!(total, 70.0);
    assert!(notes[0].contains("counted once"), "{notes:?}");
    assert_eq!(
        known(&[("package-0", 70.0), ("package-1", 70.0)]),
        (140.0, vec![])
    );
    let unlike = [("package-0-die-0", 70.0), ("package-0-die-1", 71.0)];
    assert_eq!(known(&unlike).0, 141.0);
}

/// A package by RAPL, a graphics driver's rail, and their powers.
fn with_package_rail(watts: f64, placement: Placement) -> (f64, Vec<Note>) {
    let (_, observed) = table(&[("package-0", Some(25.0)), ("gpu", Some(watts))]);
    let mut members = vec![
        member("rapl", "package-0", Placement::Unknown),
        member("hwmon", "gpu", placement),
    ];
    if placement == Placement::WholeProcessor {
        members[1].kind = RailKind::Package;
    }
    let decided = decide(&members, &observed);
    (total(&members, &observed, &decided), decided.notes)
}

#[test]
fn an_apu_and_its_package_are_one_processor() {
    assert_eq!(with_package_rail(24.0, Placement::WholeProcessor).0, 25.0);
    assert_eq!(with_package_rail(40.0, Placement::WholeProcessor).0, 40.0);
    assert_eq!(
        with_package_rail(26.0, Placement::MaybeWholeProcessor).0,
        25.0
    );
    assert_eq!(
        with_package_rail(90.0, Placement::MaybeWholeProcessor).0,
        115.0
    );
    assert_eq!(
        with_package_rail(9.0, Placement::MaybeWholeProcessor).0,
        25.0
    );
    assert_eq!(with_package_rail(9.0, Placement::Discrete), (34.0, vec![]));
    for watts in [9.0, 24.0, 90.0] {
        let notes = with_package_rail(watts, Placement::MaybeWholeProcessor).1;
        assert_eq!(notes.len(), 1, "the assumption is noted: {notes:?}");
    }
}

#[test]
fn one_package_by_two_drivers_counts_once() {
    let (_, observed) = table(&[("a", Some(25.0)), ("b", Some(25.2)), ("c", Some(6.0))]);
    let mut members = vec![
        member("rapl", "package-0", Placement::Unknown),
        member("hwmon", "package-0", Placement::Unknown),
        member("hwmon", "svi2_p_soc", Placement::InPackage(None)),
    ];
    members[2].kind = RailKind::Other;
    let decided = decide(&members, &observed);
    assert_eq!(
        decided.places,
        [Place::Root, Place::Inside(0), Place::Inside(0)]
    );
    assert_eq!(decided.notes.len(), 1);
}

#[test]
fn a_card_is_outside_psys_and_notes_wait_for_observations() {
    let members = [
        member("rapl", "package-0", Placement::Unknown),
        member("rapl", "psys", Placement::Unknown),
        member("nvml", "gpu", Placement::Discrete),
    ];
    let decided = decide(&members, &Observed::default());
    assert_eq!(decided.places, [Place::Inside(1), Place::Root, Place::Root]);
    assert_eq!(decided.notes, []);
}

#[test]
fn a_rail_that_is_not_counted_is_its_own_parent() {
    assert_eq!(Place::Root.parent(3), None);
    assert_eq!(Place::Inside(1).parent(3), Some(1));
    assert_eq!(Place::NotCounted.parent(3), Some(3));
}

#[test]
fn rails_of_two_sources_with_equal_names_are_duplicates_and_others_are_not() {
    let unknown = Placement::Unknown;
    let members = [
        member("rapl", "package-0", unknown),
        member("powermetrics", "gpu", unknown),
        member("ioreport", "gpu", unknown),
        member("nvml", "gpu", Placement::Discrete),
    ];
    let places = decide(&members, &Observed::default()).places;
    let [root, inside] = [Place::Root, Place::Inside(1)];
    assert_eq!(places, [root, root, inside, root]);
}
