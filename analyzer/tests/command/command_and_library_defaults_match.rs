//! Defaults of the command's options equal those of the library's options.

use clap::Parser;
use energy_analyzer::calibrate::CalibrateOptions;
use energy_analyzer::cli::{Cli, Command};
use energy_analyzer::compare::CompareOptions;
use energy_analyzer::doctor::DoctorOptions;
use energy_analyzer::flamegraph::{GraphOptions, Picture};
use energy_analyzer::record::RecordOptions;
use energy_analyzer::report::ReportOptions;
use energy_analyzer::run::RunOptions;

#[test]
fn options_of_each_command_have_library_defaults() {
    let cli = Cli::try_parse_from(["energy", "run"]).unwrap();
    let Command::Run(args) = cli.command else {
        panic!("not `run`")
    };
    assert_eq!(args.options(&cli.db), RunOptions::default());
    let cli = Cli::try_parse_from(["energy", "calibrate"]).unwrap();
    let Command::Calibrate(args) = cli.command else {
        panic!("not `calibrate`")
    };
    assert_eq!(args.options(&cli.db), CalibrateOptions::default());
    let cli = Cli::try_parse_from(["energy", "flamegraph"]).unwrap();
    let Command::Flamegraph(args) = cli.command else {
        panic!("not `flamegraph`")
    };
    assert_eq!(args.what(), GraphOptions::default());
    assert_eq!(args.picture(), Picture::default());
    let cli = Cli::try_parse_from(["energy", "report"]).unwrap();
    let Command::Report(args) = cli.command else {
        panic!("not `report`")
    };
    assert_eq!(args.options(), ReportOptions::default());
    let cli = Cli::try_parse_from(["energy", "compare", "a", "b"]).unwrap();
    let Command::Compare(args) = cli.command else {
        panic!("not `compare`")
    };
    assert_eq!(args.options(), CompareOptions::default());
    let cli = Cli::try_parse_from(["energy", "record", "--", "true"]).unwrap();
    let Command::Record(args) = cli.command else {
        panic!("not `record`")
    };
    let expected = RecordOptions {
        words: vec!["true".to_owned()],
        ..RecordOptions::default()
    };
    assert_eq!(args.options(&cli.db), expected);
    let cli = Cli::try_parse_from(["energy", "doctor"]).unwrap();
    let Command::Doctor(args) = cli.command else {
        panic!("not `doctor`")
    };
    assert_eq!(args.options(), DoctorOptions::default());
}
