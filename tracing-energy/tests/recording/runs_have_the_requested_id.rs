//! A program that starts the recording one knows the id of the run before it is in the file.

use energy_store::Store;
use tracing_energy::{EnergyLayer, Error, SourceChoice};

const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[test]
fn the_run_has_the_requested_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let builder = EnergyLayer::builder().source(SourceChoice::Modelled);
    let built = builder.database_ignoring_env(&path).run_id(ID).build();
    let (layer, guard) = built.expect("a recording");
    assert_eq!(guard.uuid(), ID);
    drop(layer);
    assert_eq!(guard.finish().uuid, ID);
    let store = Store::open(&path).expect("a file");
    assert_eq!(store.find_run(ID).expect("the run").row.uuid, ID);
}

#[test]
fn an_id_that_is_no_uuid_is_refused_before_the_file_is_created() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    for id in ["", "run-1", &ID.to_uppercase(), &ID.replace('-', "")] {
        let builder = EnergyLayer::builder().source(SourceChoice::Modelled);
        let built = builder.database_ignoring_env(&path).run_id(id).build();
        match built {
            Err(Error::Setting { message }) => assert!(message.contains("UUID"), "{message}"),
            other => panic!("{id}: {:?}", other.map(|_| ())),
        }
        assert!(!path.exists());
    }
}
